import type { Beat, Seen } from './member.store.js';

interface Waiting {
  beat: Beat;
  resolve(seen: Seen | undefined): void;
  reject(error: unknown): void;
}

/**
 * What members say of themselves every few seconds, written together: while one batch is being written the next gathers, so that a thousand members
 * cost as many transactions as the database has time for, and not a hundred a second.
 */
export class Heartbeats {
  #waiting: Waiting[] = [];
  #writing = false;

  /** @param write answers in the order of the beats; undefined for a member that nobody knows. */
  constructor(private readonly write: (beats: readonly Beat[]) => Promise<readonly (Seen | undefined)[]>) {}

  beat(beat: Beat): Promise<Seen | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Seen | undefined>();
    this.#waiting.push({ beat, resolve, reject });
    if (!this.#writing) void this.#writeAll();
    return promise;
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        const seen = await this.write(batch.map(({ beat }) => beat));
        batch.forEach(({ resolve }, index) => resolve(seen[index]));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }
}
