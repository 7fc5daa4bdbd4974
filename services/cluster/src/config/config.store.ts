import { Inject, Injectable } from '@nestjs/common';
import { serverKeys } from '@asterism/config-keys';
import { Database, type Unit } from '@asterism/database';

type Config = Record<string, string>;

const localKeys: readonly string[] = Object.values(serverKeys).filter((key) => key.condition === 'local').map((key) => key.name);

/** Rows of cluster.config: values that differ from their defaults. In a cluster some keys are each member's own. */
@Injectable()
export class ConfigStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** As this member has it; without one what all share. */
  async load(member = ''): Promise<Config> {
    return toConfig(await this.database.query(`SELECT key, value FROM cluster.config WHERE member IN ('', $1) ORDER BY key`, [member]));
  }

  /** Reads under a lock that lasts as long as the unit, so that changes follow one another. */
  async lock(unit: Unit, member = ''): Promise<Config> {
    await unit.query('LOCK TABLE cluster.config IN SHARE ROW EXCLUSIVE MODE');
    return toConfig(await unit.query(`SELECT key, value FROM cluster.config WHERE member IN ('', $1) ORDER BY key`, [member]));
  }

  async replace(unit: Unit, config: Readonly<Config>, member = ''): Promise<void> {
    const keys = Object.keys(config);
    const owners = keys.map((key) => (localKeys.includes(key) ? member : ''));
    await unit.query(`DELETE FROM cluster.config WHERE member IN ('', $1) AND key <> ALL($2)`, [member, keys]);
    await unit.query(
      `INSERT INTO cluster.config (member, key, value) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
       ON CONFLICT (member, key) DO UPDATE SET value = excluded.value`,
      [owners, keys, Object.values(config)],
    );
  }

  /** What was the host's is this member's from now on. */
  async giveTo(unit: Unit, member: string): Promise<void> {
    await unit.query(`UPDATE cluster.config SET member = $1 WHERE member = '' AND key = ANY($2)`, [member, localKeys]);
  }

  async rename(unit: Unit, member: string, name: string): Promise<void> {
    await unit.query('UPDATE cluster.config SET member = $2 WHERE member = $1', [member, name]);
  }

  async set(unit: Unit, member: string, key: string, value: string): Promise<void> {
    await unit.query(
      `INSERT INTO cluster.config (member, key, value) VALUES ($1, $2, $3) ON CONFLICT (member, key) DO UPDATE SET value = excluded.value`,
      [member, key, value],
    );
  }

  async forget(unit: Unit, member: string): Promise<void> {
    await unit.query('DELETE FROM cluster.config WHERE member = $1', [member]);
  }
}

function toConfig(rows: readonly { key: string; value: string }[]): Config {
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}
