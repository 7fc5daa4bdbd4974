import type { agentInstances } from '@asterism/proto';
import type { Host } from '../../host/host.js';
import { instanceCgroup } from '../instance-layout.js';
import type { InstanceRecord, KnownInstances } from '../known-instances.js';
import { readCgroup, type CgroupReading } from './cgroup-reading.js';
import { instanceState, statusCodes, type Status } from './instance-state.js';

type InstanceSpec = agentInstances.InstanceSpec;

/** Bytes an instance's root volume uses; undefined where the pool cannot say. */
export type RootUsage = (spec: InstanceSpec) => Promise<number | undefined>;

/** What instances are doing, asked of the kernel. */
export class States {
  constructor(
    private readonly host: Host,
    private readonly known: KnownInstances,
    private readonly rootUsage: RootUsage,
  ) {}

  async brief(record: InstanceRecord): Promise<agentInstances.InstanceState> {
    const status = statusOf(record.running && (await this.reading(record.spec)));
    return { status, status_code: statusCodes[status], json: Buffer.alloc(0), pid: record.running?.pid ?? 0 };
  }

  async full({ spec, running }: InstanceRecord): Promise<agentInstances.InstanceState> {
    const [disk, reading, links] = await Promise.all([
      this.disk(spec),
      running && this.reading(spec),
      running && this.host.guests.ask('links', { pid: running.pid }).catch(() => undefined),
    ]);
    const status = statusOf(reading);
    const pid = running?.pid ?? 0;
    const state = instanceState({ status, pid, disk, hostNames: hostNames(spec), ...(reading ? { usage: reading.usage } : {}), ...(links ? { links } : {}) });
    return { status, status_code: state.status_code, json: Buffer.from(JSON.stringify(state)), pid };
  }

  /** All that are known where no ids are given; unknown ids are left out. */
  select(ids: readonly string[]): InstanceRecord[] {
    return ids.length === 0 ? this.known.all() : ids.flatMap((id) => this.known.find(id) ?? []);
  }

  private reading(spec: InstanceSpec): Promise<CgroupReading> {
    return readCgroup(this.host.cgroups, `/${instanceCgroup(spec.id)}/payload`);
  }

  private async disk(spec: InstanceSpec): Promise<Record<string, { usage: number }>> {
    const usage = await this.rootUsage(spec).catch(() => undefined);
    const root = Object.entries(spec.devices).find(([, device]) => device.options['type'] === 'disk' && device.options['path'] === '/');
    return usage === undefined || !root ? {} : { [root[0]]: { usage } };
  }
}

/** Of the reading of one that runs. */
function statusOf(reading: CgroupReading | undefined): Status {
  if (!reading) return 'Stopped';
  return reading.isFrozen ? 'Frozen' : 'Running';
}

function hostNames(spec: InstanceSpec): Record<string, string> {
  const nics = Object.entries(spec.devices).filter(([, device]) => device.options['type'] === 'nic');
  return Object.fromEntries(
    nics.map(([name, { options }]) => [options['name'] || spec.config[`volatile.${name}.name`] || name, options['host_name'] || spec.config[`volatile.${name}.host_name`] || '']),
  );
}
