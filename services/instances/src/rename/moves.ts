import { LxdError } from '@asterism/errors';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import type { InstanceRow } from '../instance.js';
import { Refused } from '../refusal.js';
import { TaskParts } from '../task-parts.js';

/** Where an instance may go. */
@Injectable()
export class Moves {
  constructor(@Inject(TaskParts) private readonly parts: TaskParts) {}

  /** What its disks name must be on the other member too: refused in LXD's words, which finds out when it makes the instance there. */
  async requireArrival(call: CallContext, row: InstanceRow, member: string): Promise<void> {
    const facts = await this.parts.surroundings.facts(call, row.project, row.expanded_devices);
    await this.parts.surroundings.requireSources(call, { project: row.project, member }, row.expanded_devices, facts).catch((error: unknown) => {
      if (!(error instanceof LxdError)) throw error;
      throw new Refused(`Copy instance operation failed: Failed instance creation: Failed creating instance record: Failed initialising instance: ${error.message}`);
    });
  }

  /** Members that have the pool the instance lies in. */
  async membersWithPool(call: CallContext, row: InstanceRow): Promise<readonly string[]> {
    return (await this.parts.surroundings.facts(call, row.project, row.expanded_devices)).pools[row.pool]?.members ?? [];
  }
}
