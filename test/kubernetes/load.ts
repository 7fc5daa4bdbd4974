import type { UnixClient } from '../http/client.js';

export interface LoadReport {
  requests: number;
  /** What went wrong, with how often. */
  failures: Record<string, number>;
}

/** Asks for the given paths over and over, each time on a new connection, until it is told to stop. */
export class Load {
  #stopped = false;
  readonly #report: LoadReport = { requests: 0, failures: {} };
  readonly #workers: Promise<void>[];

  constructor(client: UnixClient, work: readonly ((client: UnixClient) => Promise<void>)[], pauseMs = 50) {
    this.#workers = work.map(async (once) => {
      while (!this.#stopped) {
        this.#report.requests++;
        await once(client).catch((error: unknown) => {
          const words = error instanceof Error ? error.message : String(error);
          this.#report.failures[words] = (this.#report.failures[words] ?? 0) + 1;
        });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    });
  }

  async stop(): Promise<LoadReport> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    return this.#report;
  }
}
