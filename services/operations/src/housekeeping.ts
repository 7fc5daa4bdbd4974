import { Database } from '@asterism/database';
import { EventBusToken, type EventBus } from '@asterism/events';
import { Inject, Injectable } from '@nestjs/common';
import { Cancelling } from './cancelling.js';
import { KeyStore } from './idempotency/key.store.js';
import { consumer, Interrupted } from './interrupted.js';
import { Journal } from './journal.js';
import { findOperation, forgetEvents, forgetOperations } from './operation.store.js';
import { RetentionConfig } from './retention.js';

/** What was opened since may still be on its way to being accepted. */
const staleSeconds = 10;
const everyMs = 15_000;

/** Takes in what services emit, ends operations whose work is gone, and forgets what is older than the retention. */
@Injectable()
export class Housekeeping {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Journal) private readonly journal: Journal,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(KeyStore) private readonly keys: KeyStore,
    @Inject(RetentionConfig) private readonly config: RetentionConfig,
    @Inject(Cancelling) private readonly cancelling: Cancelling,
    @Inject(Interrupted) private readonly interrupted: Interrupted,
  ) {}

  async listen(): Promise<void> {
    await this.bus.consume(consumer, ['lifecycle', 'operation.closed'], async (received) => {
      if (received.kind === 'lifecycle') await this.journal.write({ kind: 'lifecycle', event: received });
      else {
        const { id, status_code, error, metadata, steps = [] } = received.payload;
        await this.journal.write({ kind: 'close', closing: { id, status_code, err: error, metadata: metadata ?? {}, steps } });
      }
    });
    await this.bus.subscribe(['journal.appended'], async ({ payload }) => {
      for (const entry of payload.entries) if (entry.type === 'operation') await this.#noteEnd(entry.json);
    });
  }

  /** @param isAlone whether all services start with this process: nobody is accepting anything yet. */
  async start({ isAlone }: { isAlone: boolean }): Promise<void> {
    await this.#sweep(isAlone ? 0 : staleSeconds);
    this.#timer = setInterval(() => void this.#sweep(staleSeconds), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.cancelling.stop();
  }

  /** Another replica may have written the end that somebody waits for here. */
  async #noteEnd(json: string): Promise<void> {
    const { metadata } = JSON.parse(json) as { metadata: { id: string; status_code: number } };
    if (metadata.status_code < 200) return;
    this.journal.forget(metadata.id);
    if (!this.journal.isAwaited(metadata.id)) return;
    const row = await findOperation(this.database, metadata.id);
    if (row?.finished_at) this.journal.notifyFinished(row);
  }

  async #sweep(olderThanSeconds: number): Promise<void> {
    await Promise.allSettled([this.interrupted.sweep(olderThanSeconds), this.cancelling.remind(), this.#forget()]);
  }

  async #forget(): Promise<void> {
    const { operationDays, operationDaysOf, eventDays, keyHours } = await this.config.read();
    await this.database.transact(async (unit) => {
      await forgetOperations(unit, operationDays, operationDaysOf);
      await forgetEvents(unit, eventDays);
      await this.keys.forgetOlderThan(unit, keyHours);
    });
  }
}
