import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { IdRange } from '../devices/device.js';
import { InstancePlaces, type InstancePlace } from '../files/place.js';
import type { Host } from '../host/host.js';
import type { ProcessHandle } from '../host/processes.js';
import { hostName, type InstanceLayout } from './instance-layout.js';

type InstanceSpec = agentInstances.InstanceSpec;

/** How a running instance is found again after the agent was restarted. */
export interface RunningHandle {
  /** LXC's monitor, which lives as long as the container, reboots included. */
  monitor: ProcessHandle;
  /** The container's first process. */
  pid: number;
  idmap: IdRange[];
  /** CPUs it is bound to; absent for all. */
  cpus?: string;
  /** What was started with it: what has to be stopped after it. */
  started: InstanceSpec;
}

/** What the agent knows of an instance, kept as one JSON file each. */
export interface InstanceRecord {
  /** As it was last applied. */
  spec: InstanceSpec;
  running?: RunningHandle;
}

/** The instances of this host; read once at start, written whenever one changes. */
export class KnownInstances extends InstancePlaces {
  private readonly records = new Map<string, InstanceRecord>();

  constructor(
    private readonly host: Host,
    readonly layout: InstanceLayout,
  ) {
    super();
  }

  async load(): Promise<void> {
    await this.host.files.mkdir(this.layout.records, { mode: 0o700 });
    for (const name of await this.host.files.readdir(this.layout.records)) {
      if (!name.endsWith('.json')) continue;
      const record = parsed(await this.host.files.readText(`${this.layout.records}/${name}`));
      if (record) this.records.set(name.slice(0, -'.json'.length), record);
      else await this.host.files.remove(`${this.layout.records}/${name}`);
    }
  }

  all(): InstanceRecord[] {
    return [...this.records.values()];
  }
  find(id: string): InstanceRecord | undefined {
    return this.records.get(id);
  }
  get(id: string): InstanceRecord {
    const record = this.records.get(id);
    if (!record) throw new LxdError('not-found', 'Instance not found');
    return record;
  }
  running(id: string): InstanceRecord & { running: RunningHandle } {
    const record = this.get(id);
    if (!record.running) throw new LxdError('bad-request', 'Instance is not running');
    return record as InstanceRecord & { running: RunningHandle };
  }

  /** Outlives this process. A power failure may take it: then nothing runs, and the next call brings the rest again. */
  async save(record: InstanceRecord): Promise<void> {
    this.records.set(record.spec.id, record);
    await this.host.files.replace(this.layout.record(record.spec.id), JSON.stringify(record));
  }
  async forget(id: string): Promise<void> {
    this.records.delete(id);
    await this.host.files.remove(this.layout.record(id));
  }

  place(id: string): InstancePlace {
    const { spec, running } = this.get(id);
    return {
      id,
      name: spec.name,
      project: spec.project,
      type: spec.type,
      pid: running?.pid,
      ...(spec.type === 'container' ? { lxc: { path: this.layout.containers, name: hostName(spec) } } : {}),
      volumePath: spec.volume_path,
      idmap: running?.idmap ?? [],
      shifted: false,
      logsDir: this.layout.logs(spec),
    };
  }
}

/** Undefined for what a power failure left of a record. */
function parsed(text: string): InstanceRecord | undefined {
  try {
    return JSON.parse(text) as InstanceRecord;
  } catch {
    return undefined;
  }
}
