import { deviceOption } from '@asterism/config-keys';
import type { agentInstances } from '@asterism/proto';
import type { Host } from '../host/host.js';
import { forgetInstance } from '../networks/dnsmasq-hosts.js';
import { removeFilter } from './nic-filter.js';
import { hostName } from './nic-names.js';

/** Takes an instance that is deleted out of DHCP and DNS, with any link that a start left which was killed half-way. */
export async function forgetNics(host: Host, stateDir: string, instance: agentInstances.InstanceSpec): Promise<void> {
  for (const [name, spec] of Object.entries(instance.devices)) {
    const isOwn = spec.options[deviceOption.type] === 'nic' && spec.options[deviceOption.nictype] !== 'physical';
    if (!isOwn) continue;
    const link = hostName({ instance, name, spec }, spec.options[deviceOption.nictype] === 'macvlan' ? 'mac' : 'veth');
    if (!(await host.links.exists(link))) continue;
    await host.links.delete(link);
    await removeFilter(host, link, spec.options);
  }
  await forgetInstance(host, stateDir, { project: instance.project, instance: instance.name });
}
