import { LocalCache, RedisCache, type Cache } from '@asterism/cache';
import { openPool, OutboxRelay, startEmbeddedPostgres, type EmbeddedPostgres } from '@asterism/database';
import { LocalEventBus, NatsEventBus, type EventBus } from '@asterism/events';
import { join } from 'node:path';
import type { Environment } from './environment.js';

/** What a process has one of: connections to database, bus and cache. */
export interface Runtime {
  environment: Environment;
  database: Awaited<ReturnType<typeof openPool>> | undefined;
  relay: OutboxRelay | undefined;
  bus: EventBus;
  cache: Cache;
  close(): Promise<void>;
}

/**
 * Opens them: PostgreSQL by URL, or as a child process where none is given; NATS and Redis where given, else in memory.
 * @param needsDatabase false for processes without a schema (gateway, node-agent).
 */
export async function openRuntime(environment: Environment, needsDatabase: boolean): Promise<Runtime> {
  let postgres: EmbeddedPostgres | undefined;
  let url = environment.databaseUrl;
  if (needsDatabase && !url) {
    postgres = await startEmbeddedPostgres(join(environment.stateDir, 'database'));
    url = postgres.url;
  }
  const tls = environment.tlsDir
    ? { caFile: join(environment.tlsDir, 'ca.crt'), certFile: join(environment.tlsDir, 'tls.crt'), keyFile: join(environment.tlsDir, 'tls.key') }
    : undefined;
  const bus = environment.natsUrl
    ? await NatsEventBus.connect({ url: environment.natsUrl, ...(tls && environment.natsUrl.startsWith('tls:') ? { tls } : {}) })
    : new LocalEventBus();
  const cache = environment.redisUrl ? new RedisCache(environment.redisUrl) : new LocalCache();
  const database = needsDatabase ? await openPool({ url: url! }) : undefined;
  const relay = database ? new OutboxRelay(database, bus) : undefined;
  return {
    environment,
    database,
    relay,
    bus,
    cache,
    async close() {
      await relay?.close();
      await bus.close();
      await cache.close();
      await database?.destroy();
      await postgres?.stop();
    },
  };
}
