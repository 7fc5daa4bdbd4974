import type { agentInstances } from '@asterism/proto';
import type { Host } from '../../host/host.js';
import type { InstanceRecord, KnownInstances } from '../known-instances.js';
import { isFrozen } from '../lxc/containers.js';
import { instanceState, statusCodes, type Status } from './instance-state.js';
import { Watches } from './watches.js';

type InstanceSpec = agentInstances.InstanceSpec;

/** Bytes an instance's root volume uses; undefined where the pool cannot say. */
export type RootUsage = (spec: InstanceSpec) => Promise<number | undefined>;

/** What instances are doing, asked of the kernel. */
export class States {
  private readonly watches: Watches;

  constructor(
    private readonly host: Host,
    private readonly known: KnownInstances,
    private readonly rootUsage: RootUsage,
  ) {
    this.watches = new Watches(host);
  }

  async brief(record: InstanceRecord): Promise<agentInstances.InstanceState> {
    const status = statusOf(record.running && { isFrozen: await isFrozen(this.host, record.spec.id) });
    const { project, name } = record.spec;
    return { status, status_code: statusCodes[status], json: Buffer.alloc(0), pid: record.running?.pid ?? 0, project, name };
  }

  async full({ spec, running }: InstanceRecord): Promise<agentInstances.InstanceState> {
    if (!running) this.watches.forget(spec.id);
    const [disk, sight] = await Promise.all([this.disk(spec), running && this.watches.look(spec.id, running.pid)]);
    const status = statusOf(sight);
    const pid = running?.pid ?? 0;
    const state = instanceState({ status, pid, disk, hostNames: hostNames(spec), ...(sight ? { usage: sight.usage } : {}), ...(sight?.links ? { links: sight.links } : {}) });
    return { status, status_code: state.status_code, json: Buffer.from(JSON.stringify(state)), pid, project: spec.project, name: spec.name };
  }

  /** The instance ended: nothing of it is held any more. */
  ended(id: string): void {
    this.watches.forget(id);
  }

  close(): void {
    this.watches.close();
  }

  /** All that are known where no ids are given; unknown ids are left out. */
  select(ids: readonly string[]): InstanceRecord[] {
    return ids.length === 0 ? this.known.all() : ids.flatMap((id) => this.known.find(id) ?? []);
  }

  private async disk(spec: InstanceSpec): Promise<Record<string, { usage: number }>> {
    const usage = await this.rootUsage(spec).catch(() => undefined);
    const root = Object.entries(spec.devices).find(([, device]) => device.options['type'] === 'disk' && device.options['path'] === '/');
    return usage === undefined || !root ? {} : { [root[0]]: { usage } };
  }
}

/** Of one that was seen running. */
function statusOf(seen: { isFrozen: boolean } | undefined): Status {
  if (!seen) return 'Stopped';
  return seen.isFrozen ? 'Frozen' : 'Running';
}

function hostNames(spec: InstanceSpec): Record<string, string> {
  const nics = Object.entries(spec.devices).filter(([, device]) => device.options['type'] === 'nic');
  return Object.fromEntries(
    nics.map(([name, { options }]) => [options['name'] || spec.config[`volatile.${name}.name`] || name, options['host_name'] || spec.config[`volatile.${name}.host_name`] || '']),
  );
}
