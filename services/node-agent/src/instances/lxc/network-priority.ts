import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { Host } from '../../host/host.js';
import { instanceCgroup } from '../instance-layout.js';

type InstanceSpec = agentInstances.InstanceSpec;

const file = 'net_prio.ifpriomap';

/** What its packets are marked with as they leave by a link of the host's; nothing where the kernel or the host has no such controller. */
export async function setNetworkPriority(host: Host, { id, config }: Pick<InstanceSpec, 'id' | 'config'>): Promise<void> {
  const { trees } = await host.cgroups.layout();
  if (trees['net_prio'] === undefined) return;
  const priority = config[instanceKeys.limitsNetworkPriority.name] || '0';
  const links = await host.links.list();
  const written = await Promise.allSettled(links.map(({ name }) => host.cgroups.write(`/${instanceCgroup(id)}/payload`, file, `${name} ${priority}`)));
  const failed = written.find((result) => result.status === 'rejected'); // a link may go in the meantime
  if (failed && written.every(({ status }) => status === 'rejected')) throw new LxdError('internal', `Failed to set network priority: ${String(failed.reason)}`);
}
