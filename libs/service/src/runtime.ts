import { LocalCache, type Cache } from '@asterism/cache';
import { Connections, openPool, OutboxRelay, startEmbeddedPostgres, type EmbeddedPostgres } from '@asterism/database';
import { LocalEventBus, type EventBus } from '@asterism/events';
import { startTelemetry } from '@asterism/telemetry';
import { join } from 'node:path';
import type { Environment } from './environment.js';

/** What a process has one of: connections to database, bus and cache. */
export interface Runtime {
  environment: Environment;
  database: Awaited<ReturnType<typeof openPool>> | undefined;
  connections: Connections | undefined;
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
  const { metricsListen, otlpEndpoint, otlpServiceName: serviceName } = environment;
  const telemetry = await startTelemetry({ metricsListen, otlpEndpoint, serviceName });
  let postgres: EmbeddedPostgres | undefined;
  let url = environment.databaseUrl;
  if (needsDatabase && !url) {
    postgres = await startEmbeddedPostgres(join(environment.stateDir, 'database'));
    url = postgres.url;
  }
  const bus = environment.natsUrl ? await connectNats(environment.natsUrl, environment.tlsDir) : new LocalEventBus();
  const cache = environment.redisUrl ? new (await import('@asterism/cache/redis')).RedisCache(environment.redisUrl) : new LocalCache();
  const database = needsDatabase ? await openPool({ url: url! }) : undefined;
  const connections = database ? new Connections(database) : undefined;
  const relay = connections ? new OutboxRelay(connections, bus) : undefined;
  return {
    environment,
    database,
    connections,
    relay,
    bus,
    cache,
    async close() {
      await relay?.close();
      await bus.close();
      await cache.close();
      connections?.close();
      await database?.destroy();
      await postgres?.stop();
      await telemetry.close();
    },
  };
}

async function connectNats(url: string, tlsDir: string | undefined): Promise<EventBus> {
  const { NatsEventBus } = await import('@asterism/events/nats');
  if (!tlsDir || !url.startsWith('tls:')) return NatsEventBus.connect({ url });
  return NatsEventBus.connect({ url, tls: { caFile: join(tlsDir, 'ca.crt'), certFile: join(tlsDir, 'tls.crt'), keyFile: join(tlsDir, 'tls.key') } });
}
