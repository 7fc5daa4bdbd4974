import { join } from 'node:path';
import type { Host } from '../host/host.js';
import type { Layout, Pool } from './layout.js';

export interface PoolRecord {
  pool: Pool;
  /** "creating" is all that a killed creation leaves. */
  state: 'creating' | 'ready';
}

/** The pools of this member, on disk, so that they are mounted again while the control plane is away. */
export class PoolRecords {
  constructor(
    private readonly host: Host,
    private readonly layout: Layout,
  ) {}

  async write(record: PoolRecord): Promise<void> {
    await this.host.files.mkdir(this.layout.poolRecords(), { mode: 0o700 });
    await this.host.files.write(this.layout.poolRecord(record.pool.name), JSON.stringify(record));
  }

  async read(pool: string): Promise<PoolRecord | undefined> {
    const file = this.layout.poolRecord(pool);
    return (await this.host.files.exists(file)) ? parse(await this.host.files.readText(file)) : undefined;
  }

  async remove(pool: string): Promise<void> {
    await this.host.files.remove(this.layout.poolRecord(pool));
  }

  async all(): Promise<PoolRecord[]> {
    const directory = this.layout.poolRecords();
    if (!(await this.host.files.exists(directory))) return [];
    const names = (await this.host.files.readdir(directory)).filter((name) => name.endsWith('.json'));
    return Promise.all(names.map(async (name) => parse(await this.host.files.readText(join(directory, name)))));
  }
}

function parse(text: string): PoolRecord {
  return JSON.parse(text) as PoolRecord;
}
