import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';

/** Rows of cluster.config: values that differ from their defaults. */
@Injectable()
export class ConfigStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  async load(): Promise<Record<string, string>> {
    return toConfig(await this.database.query('SELECT key, value FROM cluster.config ORDER BY key'));
  }

  /** Reads under a lock that lasts as long as the unit, so that changes follow one another. */
  async lock(unit: Unit): Promise<Record<string, string>> {
    await unit.query('LOCK TABLE cluster.config IN SHARE ROW EXCLUSIVE MODE');
    return toConfig(await unit.query('SELECT key, value FROM cluster.config ORDER BY key'));
  }

  async replace(unit: Unit, config: Readonly<Record<string, string>>): Promise<void> {
    await unit.query('DELETE FROM cluster.config WHERE key <> ALL($1)', [Object.keys(config)]);
    await unit.query('INSERT INTO cluster.config (key, value) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [Object.keys(config), Object.values(config)]);
  }
}

function toConfig(rows: readonly { key: string; value: string }[]): Record<string, string> {
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}
