import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { WarningStore } from './warning.store.js';

const hourMs = 3_600_000;

/** Forgets warnings that have been resolved for a day. */
@Injectable()
export class PruneResolved implements OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(@Inject(WarningStore) private readonly store: WarningStore) {}

  async start(): Promise<void> {
    await this.store.pruneResolved();
    this.#timer = setInterval(() => void this.store.pruneResolved().catch(() => undefined), hourMs);
    this.#timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }
}
