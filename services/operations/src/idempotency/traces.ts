import { Database } from '@asterism/database';
import { isKind, LxdError } from '@asterism/errors';
import { idempotency as proto } from '@asterism/proto';
import { systemCall, type CallContext } from '@asterism/rpc';
import { TaskOwners } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { Interrupted } from '../interrupted.js';
import { Journal } from '../journal.js';
import { renderOperation, wasInterrupted, type OperationRow } from '../operation.js';
import { findOperation, findOperationOfClaim } from '../operation.store.js';

/** Services whose tasks and events may tell of a call. */
const owners = ['projects', 'warnings', 'cluster', 'storage', 'networks', 'images', 'instances'];

/** Between opening an operation and accepting its work lie milliseconds. */
const acceptingMs = 3_000;

type Found = Pick<proto.KeyClaim, 'operation' | 'effects'>;

/** Finds out what a call did that was cut off before its answer: every change leaves an operation, a task or a lifecycle event with its claim. */
@Injectable()
export class Traces {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(TaskOwners) private readonly owners: TaskOwners,
    @Inject(Journal) private readonly journal: Journal,
    @Inject(Interrupted) private readonly interrupted: Interrupted,
  ) {}

  async of(claim: string, whenCutOff: proto.WhenCutOff): Promise<Found | 'none' | 'unsettled'> {
    const operation = await findOperationOfClaim(this.database, claim);
    if (operation) return this.#ofOperation(operation, whenCutOff);
    if (await this.#isUnderWay(claim)) return 'unsettled';
    const effects = await this.#effects(claim);
    return effects.length > 0 ? { effects } : 'none';
  }

  async #ofOperation(operation: OperationRow, whenCutOff: proto.WhenCutOff): Promise<Found | 'none' | 'unsettled'> {
    const found = { operation: { id: operation.id, json: Buffer.from(JSON.stringify(renderOperation(operation))) }, effects: [] };
    if (operation.finished_at) return wasInterrupted(operation) && whenCutOff === proto.WhenCutOff.RUN_AGAIN ? 'none' : found;
    const owner = this.owners.of(operation.owner);
    const work = { id: operation.id, claim: '' };
    if (!owner || (await asked(operation.owner, owner.has(promptly(), work))).known) return found;
    if (Math.abs(Date.now() - Date.parse(operation.created_at)) < acceptingMs) return 'unsettled';
    if ((await asked(operation.owner, owner.disown(promptly(), work))).known || !(await this.interrupted.toldEverything())) return 'unsettled';
    if ((await findOperation(this.database, operation.id))?.finished_at) return 'unsettled';
    if (whenCutOff === proto.WhenCutOff.RUN_AGAIN) {
      await this.journal.write({ kind: 'discard', id: operation.id });
      return 'none';
    }
    await this.interrupted.end([operation.id]);
    return 'unsettled';
  }

  async #isUnderWay(claim: string): Promise<boolean> {
    for (const name of owners) {
      const owner = this.owners.of(name);
      if (owner && (await asked(name, owner.has(promptly(), { id: '', claim }))).known) return true;
    }
    return false;
  }

  async #effects(claim: string): Promise<proto.Effect[]> {
    const rows = await this.database.query<{ json: string }>(`SELECT json FROM operations.journal WHERE claim = $1 AND type = 'lifecycle' ORDER BY cursor`, [claim]);
    return rows.map(({ json }) => (JSON.parse(json) as { metadata: proto.Effect }).metadata).map(({ action, source }) => ({ action, source }));
  }
}

function promptly(): CallContext {
  return systemCall({ timeoutMs: 5_000 });
}

/** A service that takes too long is as good as away: its caller may ask again. */
async function asked<T>(name: string, answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw isKind(error, 'timeout') ? new LxdError('unavailable', `The service "${name}" does not answer`, { cause: error }) : error;
  });
}
