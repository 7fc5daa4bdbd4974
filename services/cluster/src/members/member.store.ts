import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import type { HostEnvironment } from '../server/server-environment.js';

export interface MemberRow {
  name: string;
  address: string;
  architecture: string;
  environment: HostEnvironment;
  /** Seconds since the agent last announced itself. */
  age: number;
}

/** Rows of cluster.members: the hosts whose agents have announced themselves. */
@Injectable()
export class MemberStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  list(): Promise<MemberRow[]> {
    return this.database.query('SELECT name, address, architecture, environment, extract(epoch FROM now() - seen_at)::float AS age FROM cluster.members ORDER BY name');
  }

  async upsert(member: Omit<MemberRow, 'age'>): Promise<void> {
    await this.database.query(
      `INSERT INTO cluster.members (name, address, architecture, environment) VALUES ($1, $2, $3, $4)
       ON CONFLICT (name) DO UPDATE SET address = excluded.address, architecture = excluded.architecture, environment = excluded.environment, seen_at = now()`,
      [member.name, member.address, member.architecture, member.environment],
    );
  }
}
