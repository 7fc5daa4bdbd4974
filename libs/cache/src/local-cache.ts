import type { Cache } from './cache.js';

interface Entry {
  json: string;
  expiresAt: number;
}

const sweepEvery = 1_000;

/** The cache of one process. */
export class LocalCache implements Cache {
  readonly #entries = new Map<string, Entry>();
  #writes = 0;

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    if (++this.#writes % sweepEvery === 0) this.#sweep();
    this.#entries.set(key, { json: JSON.stringify(value), expiresAt: performance.now() + ttlMs });
  }

  async get<T>(key: string): Promise<T | undefined> {
    const entry = this.#entries.get(key);
    if (!entry || entry.expiresAt <= performance.now()) return undefined;
    return JSON.parse(entry.json) as T;
  }

  async take<T>(key: string): Promise<T | undefined> {
    const value = await this.get<T>(key);
    this.#entries.delete(key);
    return value;
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #sweep(): void {
    const now = performance.now();
    for (const [key, entry] of this.#entries) if (entry.expiresAt <= now) this.#entries.delete(key);
  }
}
