import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from '@asterism/rpc';

/** Configuration of a process, read once from environment variables. */
export interface Environment {
  /** LXD_DIR, default /var/lib/asterism. */
  stateDir: string;
  /** ASTERISM_DATABASE_URL; unset: standalone starts its own PostgreSQL. */
  databaseUrl: string | undefined;
  natsUrl: string | undefined;
  redisUrl: string | undefined;
  /** ASTERISM_TLS_DIR holds ca.crt, tls.crt, tls.key of this party. */
  tlsDir: string | undefined;
  /** ASTERISM_LISTEN: host:port of this process's gRPC. */
  listen: string;
  /** ASTERISM_ADVERTISE: host:port under which others reach it; default listen. */
  advertise: string;
  /** ASTERISM_MEMBER: name of the member this agent is; "none" without a cluster. Follows when the member is renamed. */
  member: string;
  /** ASTERISM_NODES: which nodes of Kubernetes carry agents, as a label selector; unset: no Kubernetes is asked. */
  nodeSelector: string | undefined;
  /** ASTERISM_SOCKET_GROUP: group that may use the unix socket beside root. */
  socketGroup: string | undefined;
  /** ASTERISM_METRICS_LISTEN: host:port of this process's own Prometheus metrics; unset: none. */
  metricsListen: string | undefined;
  /** ASTERISM_HEALTH_LISTEN: host:port of plain HTTP for probes; unset: none. */
  healthListen: string | undefined;
  /** ASTERISM_GATEWAYS: how many gateways of this host share its addresses; default 1. */
  gateways: number;
  /** ASTERISM_DRAIN_MS: how long a gateway that is to end serves on, telling its clients to connect anew; default 0. */
  drainMs: number;
  /** OTEL_EXPORTER_OTLP_ENDPOINT: where traces go by OTLP over HTTP; unset: nowhere. */
  otlpEndpoint: string | undefined;
  /** OTEL_SERVICE_NAME, default "asterism". */
  otlpServiceName: string;
  /** ASTERISM_API_ADDRESS: host:port under which hosts that are to join find the API; unset: what core.https_address or the client that asks says. */
  apiAddress: string | undefined;
  /** ASTERISM_MEMBERS_ADDRESS: host:port under which they find the control plane; unset: where the API is, one port above. */
  membersAddress: string | undefined;
  /** ASTERISM_MEMBERS_LISTEN: host:port where a gateway serves them; unset: one port above the API. */
  membersListen: string | undefined;
  /** ASTERISM_LOOK_AFTER_SECONDS: how often what should be is compared with what is; default 60, 0 for only at the start. */
  lookAfterSeconds: number;
  /** ASTERISM_FAIL_POINTS: directory by which tests let this process die at a step of a task; unset in production. */
  failPoints: string | undefined;
  /** ASTERISM_SERVICE_<NAME>=host:port of each other service. */
  peer(service: string): string;
  /** Distinguishes replicas; stable across restarts where the deployment makes it so. */
  replica: string;
}

export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const listen = env['ASTERISM_LISTEN'] ?? '127.0.0.1:0';
  return {
    stateDir: env['LXD_DIR'] ?? '/var/lib/asterism',
    databaseUrl: env['ASTERISM_DATABASE_URL'],
    natsUrl: env['ASTERISM_NATS_URL'],
    redisUrl: env['ASTERISM_REDIS_URL'],
    tlsDir: env['ASTERISM_TLS_DIR'],
    listen,
    advertise: env['ASTERISM_ADVERTISE'] ?? listen,
    member: env['ASTERISM_MEMBER'] ?? 'none',
    replica: env['ASTERISM_REPLICA'] ?? hostname(),
    nodeSelector: env['ASTERISM_NODES'],
    socketGroup: env['ASTERISM_SOCKET_GROUP'],
    metricsListen: env['ASTERISM_METRICS_LISTEN'],
    healthListen: env['ASTERISM_HEALTH_LISTEN'],
    gateways: Number(env['ASTERISM_GATEWAYS'] ?? 1),
    drainMs: Number(env['ASTERISM_DRAIN_MS'] ?? 0),
    otlpEndpoint: env['OTEL_EXPORTER_OTLP_ENDPOINT'],
    apiAddress: env['ASTERISM_API_ADDRESS'],
    membersAddress: env['ASTERISM_MEMBERS_ADDRESS'],
    membersListen: env['ASTERISM_MEMBERS_LISTEN'],
    lookAfterSeconds: Number(env['ASTERISM_LOOK_AFTER_SECONDS'] ?? 60),
    otlpServiceName: env['OTEL_SERVICE_NAME'] ?? 'asterism',
    failPoints: env['ASTERISM_FAIL_POINTS'],
    peer(service) {
      const name = `ASTERISM_SERVICE_${service.toUpperCase().replaceAll('-', '_')}`;
      const address = env[name];
      if (!address) throw new Error(`${name} is not set: it names host:port of the ${service} service`);
      return address;
    },
  };
}

/** The certificates for mutual TLS; throws when the directory is not configured or incomplete. */
export function readTls(environment: Environment): TlsFiles {
  if (!environment.tlsDir) throw new Error('ASTERISM_TLS_DIR is not set: it names the directory with ca.crt, tls.crt and tls.key');
  const read = (name: string): Buffer => readFileSync(join(environment.tlsDir!, name));
  return { ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') };
}
