import { Redis } from 'ioredis';
import type { Cache } from './cache.js';

/** The cache that replicas share. Keys are prefixed, so that a Redis can serve others too. */
export class RedisCache implements Cache {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url, { keyPrefix: 'asterism:', maxRetriesPerRequest: 2, enableOfflineQueue: true });
    this.#redis.on('error', () => undefined);
  }

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    await this.#redis.set(key, JSON.stringify(value), 'PX', Math.max(1, Math.round(ttlMs)));
  }

  async get<T>(key: string): Promise<T | undefined> {
    const json = await this.#redis.get(key);
    return json === null ? undefined : (JSON.parse(json) as T);
  }

  async take<T>(key: string): Promise<T | undefined> {
    const json = await this.#redis.getdel(key);
    return json === null ? undefined : (JSON.parse(json) as T);
  }

  async delete(key: string): Promise<void> {
    await this.#redis.del(key);
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }
}
