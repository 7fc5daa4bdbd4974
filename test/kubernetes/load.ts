import type { UnixClient } from '../http/client.js';

export interface LoadReport {
  requests: number;
  /** The longest that one took. */
  longestMs: number;
  /** What went wrong, with how often. */
  failures: Record<string, number>;
}

/** Does each of the given things over and over, one after the other, until it is told to stop. */
export class Load {
  #stopped = false;
  readonly #report: LoadReport = { requests: 0, longestMs: 0, failures: {} };
  readonly #workers: Promise<void>[];

  constructor(client: UnixClient, work: Readonly<Record<string, (client: UnixClient) => Promise<void>>>, pauseMs = 50) {
    this.#workers = Object.entries(work).map(async ([name, once]) => {
      while (!this.#stopped) {
        this.#report.requests++;
        const began = Date.now();
        await once(client).catch((error: unknown) => this.#failed(`${name}: ${error instanceof Error ? error.message : String(error)}`));
        this.#report.longestMs = Math.max(this.#report.longestMs, Date.now() - began);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    });
  }

  async stop(): Promise<LoadReport> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    return this.#report;
  }

  #failed(words: string): void {
    this.#report.failures[words] = (this.#report.failures[words] ?? 0) + 1;
  }
}
