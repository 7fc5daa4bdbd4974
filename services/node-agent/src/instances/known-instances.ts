import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { IdRange } from '../devices/device.js';
import { InstancePlaces, type InstancePlace } from '../files/place.js';
import type { Host } from '../host/host.js';
import type { ProcessHandle } from '../host/processes.js';
import { hostName, type InstanceLayout } from './instance-layout.js';
import { VolumeOwners } from './owners/volume-owners.js';

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
  /** The volatile keys that starting and changing it set; told again to whoever was killed before it could write them down. */
  volatile?: Record<string, string>;
  /** Its devices are no longer those that LXC would start it with after a reboot. */
  changed?: boolean;
}

/** What the agent knows of an instance. */
export interface InstanceRecord {
  /** As it was last applied. */
  spec: InstanceSpec;
  running?: RunningHandle;
}

/** A line of the log; without a record the instance is forgotten. */
interface Change {
  id: string;
  record?: InstanceRecord;
}

/** Lines of the log that are tolerated beside those that still count. */
const spareLines = 256;

/**
 * The instances of this host, kept as a log: one line of JSON for each change, the last one of an instance counts. It outlives this process. A
 * power failure may take its end: then nothing runs, and the next call brings the rest again.
 */
export class KnownInstances extends InstancePlaces {
  readonly owners: VolumeOwners;
  private readonly records = new Map<string, InstanceRecord>();
  private lines = 0;
  private written: Promise<void> = Promise.resolve();

  constructor(
    private readonly host: Host,
    readonly layout: InstanceLayout,
  ) {
    super();
    this.owners = new VolumeOwners(host);
  }

  async load(): Promise<void> {
    const { files } = this.host;
    await this.loadFiles();
    const log = (await files.exists(this.layout.records)) ? await files.readText(this.layout.records) : '';
    for (const line of log.split('\n')) {
      const change = parsed<Change>(line);
      if (change?.record) this.records.set(change.id, change.record);
      else if (change) this.records.delete(change.id);
    }
    await this.rewrite();
    await files.remove(this.layout.recordFiles);
  }

  /** What an agent before the log has left: its instances may be running. */
  private async loadFiles(): Promise<void> {
    const { files } = this.host;
    const directory = this.layout.recordFiles;
    if (!(await files.exists(directory))) return;
    for (const name of (await files.readdir(directory)).filter((entry) => entry.endsWith('.json'))) {
      const record = parsed<InstanceRecord>(await files.readText(`${directory}/${name}`));
      if (record) this.records.set(record.spec.id, record);
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

  async save(record: InstanceRecord): Promise<void> {
    this.records.set(record.spec.id, record);
    await this.write({ id: record.spec.id, record });
  }
  async forget(id: string): Promise<void> {
    if (this.records.delete(id)) await this.write({ id });
  }

  /** One after the other: what is written while the log is made anew comes after it. */
  private write(change: Change): Promise<void> {
    const line = `${JSON.stringify(change)}\n`;
    this.written = this.written
      .catch(() => undefined)
      .then(async () => {
        await this.host.files.append(this.layout.records, line);
        if (++this.lines > spareLines + 2 * this.records.size) await this.rewrite();
      });
    return this.written;
  }

  private async rewrite(): Promise<void> {
    const lines = [...this.records].map(([id, record]) => `${JSON.stringify({ id, record } satisfies Change)}\n`);
    await this.host.files.replace(this.layout.records, lines.join(''));
    this.lines = lines.length;
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
      ids: async () => (running ? running.idmap : this.owners.onDisk(spec.volume_path)),
      logsDir: this.layout.logs(spec),
    };
  }
}

/** Undefined for the end of a log that a power failure cut off. */
function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
