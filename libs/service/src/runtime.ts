import { LocalCache, type Cache } from '@asterism/cache';
import { Connections, isConnectionLoss, openPool, OutboxRelay, startEmbeddedPostgres, type EmbeddedPostgres } from '@asterism/database';
import { LocalEventBus, type EventBus } from '@asterism/events';
import { startTelemetry } from '@asterism/telemetry';
import { join } from 'node:path';
import type { Environment } from './environment.js';
import { waitingFor } from './waiting.js';

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
 * @param isPatient true where the stores may start later than this process does.
 */
export async function openRuntime(environment: Environment, needsDatabase: boolean, isPatient = false): Promise<Runtime> {
  const { metricsListen, otlpEndpoint, otlpServiceName: serviceName } = environment;
  const telemetry = await startTelemetry({ metricsListen, otlpEndpoint, serviceName });
  let postgres: EmbeddedPostgres | undefined;
  let url = environment.databaseUrl;
  if (needsDatabase && !url) {
    postgres = await startEmbeddedPostgres(join(environment.stateDir, 'database'));
    url = postgres.url;
  }
  const patiently = <T>(whom: string, attempt: () => Promise<T>, isWorthIt: (error: unknown) => boolean): Promise<T> => (isPatient ? waitingFor(whom, attempt, isWorthIt) : attempt());
  const { natsUrl, tlsDir } = environment;
  const bus = natsUrl ? await patiently('NATS', () => connectNats(natsUrl, tlsDir, isPatient), () => true) : new LocalEventBus();
  const cache = environment.redisUrl ? new (await import('@asterism/cache/redis')).RedisCache(environment.redisUrl) : new LocalCache();
  const database = needsDatabase ? await patiently('PostgreSQL', () => openPool({ url: url! }), isConnectionLoss) : undefined;
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

async function connectNats(url: string, tlsDir: string | undefined, isAskedAgain: boolean): Promise<EventBus> {
  const { NatsEventBus } = await import('@asterism/events/nats');
  const options = { url, waits: !isAskedAgain };
  if (!tlsDir || !url.startsWith('tls:')) return NatsEventBus.connect(options);
  return NatsEventBus.connect({ ...options, tls: { caFile: join(tlsDir, 'ca.crt'), certFile: join(tlsDir, 'tls.crt'), keyFile: join(tlsDir, 'tls.key') } });
}
