export const CacheToken = 'asterism.Cache';

/** Holds only what may vanish: session tickets, looked-up identities. Values are JSON. */
export interface Cache {
  set(key: string, value: unknown, ttlMs: number): Promise<void>;
  get<T>(key: string): Promise<T | undefined>;
  /** Reads and removes in one step: of several takers one gets it. */
  take<T>(key: string): Promise<T | undefined>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}
