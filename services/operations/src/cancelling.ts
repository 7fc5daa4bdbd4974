import { Database } from '@asterism/database';
import { isKind } from '@asterism/errors';
import { systemCall, type CallContext } from '@asterism/rpc';
import { TaskOwners } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { Journal } from './journal.js';
import type { OperationRow } from './operation.js';
import { listCancelling } from './operation.store.js';

const againMs = 2_000;

/** Brings the wish to cancel to whoever runs the work; written first, so that it outlives everybody. */
@Injectable()
export class Cancelling {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Journal) private readonly journal: Journal,
    @Inject(TaskOwners) private readonly owners: TaskOwners,
  ) {}

  /** Refusals of the owner are the caller's; an owner that is away is told later. */
  async begin(call: CallContext, row: OperationRow): Promise<void> {
    await this.journal.write({ kind: 'cancel', id: row.id });
    await this.#tell(call, row).catch((error: unknown) => {
      if (!isKind(error, 'unavailable') && !isKind(error, 'timeout')) throw error;
      this.#again();
    });
  }

  /** Tells the owners of all that were to be cancelled and still run. */
  async remind(): Promise<void> {
    for (const row of await listCancelling(this.database)) await this.#tell(systemCall({ timeoutMs: 5_000 }), row).catch(() => this.#again());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #tell(call: CallContext, row: OperationRow): Promise<void> {
    await this.owners.of(row.owner)?.cancel(call, { id: row.id, claim: '' });
  }

  #again(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.remind().catch(() => this.#again()), againMs).unref();
  }
}
