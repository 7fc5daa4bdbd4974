import { isFalse } from '@asterism/config-keys';
import { EventBusToken, type EventBus } from '@asterism/events';
import { isKind, LxdError } from '@asterism/errors';
import { Token, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { RuntimeInfo, waitingFor } from '@asterism/service';
import { createLogger } from '@asterism/telemetry';
import { Inject, Injectable } from '@nestjs/common';
import { createServer as createHttpServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { chmod, chown, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:net';
import { errorAnswer } from '../http/error.filter.js';
import { Upgrades } from '../websockets/upgrades.js';
import { parseListenAddress } from './address.js';
import { groupId } from './group-id.js';
import { ServerCertificate } from './server-certificate.js';

const logger = createLogger('gateway');

/** What a listener follows in the configuration. */
interface Listener {
  key: 'core.https_address' | 'core.metrics_address';
  defaultPort: number;
  /** Paths that are served; absent: all. */
  only?: readonly string[];
}

const listeners: readonly Listener[] = [
  { key: 'core.https_address', defaultPort: 8443 },
  { key: 'core.metrics_address', defaultPort: 9100, only: ['/', '/1.0', '/1.0/metrics'] },
];
const followed: readonly string[] = [...listeners.map(({ key }) => key), 'core.metrics_authentication', 'cluster.https_address'];

/** The sockets the API is served on: DIR/unix.socket always, HTTPS where core.https_address says, metrics alone where core.metrics_address says. */
@Injectable()
export class Listeners {
  #handler: RequestListener = () => {};
  #unix: Server | undefined;
  readonly #https = new Map<string, { server: Server; wanted: string }>();
  #following: Promise<void> = Promise.resolve();
  #isHandedOver = false;
  #isDraining = false;

  constructor(
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(ServerCertificate) private readonly certificate: ServerCertificate,
    @Inject(Upgrades) private readonly upgrades: Upgrades,
  ) {}

  /** What answers requests; set once the routes are known. */
  serve(handler: RequestListener): void {
    this.#handler = handler;
  }

  async start(): Promise<void> {
    await this.#listenUnix();
    await this.bus.subscribe(['config.changed'], async ({ payload }) => {
      if (payload.keys.some((key) => followed.includes(key))) await this.follow().catch((error: unknown) => logger.error({ err: error }, 'HTTPS listener'));
    });
    // Alone, nobody else serves until this one does; among replicas a gateway without its addresses would be sent requests.
    const isOfMany = this.runtime.composition === 'processes';
    await waitingFor('the configuration', () => this.follow(), (error) => isOfMany && (isKind(error, 'unavailable') || isKind(error, 'timeout'))).catch((error: unknown) => logger.error({ err: error }, 'HTTPS listener'));
  }

  /** Brings HTTPS to what the configuration says; calls wait for each other. */
  follow(): Promise<void> {
    const next = this.#following.catch(() => {}).then(() => this.#follow());
    this.#following = next;
    return next;
  }

  /** Where others can take over: each answer from now on ends its connection, so that clients find the others. False where nobody can. */
  async drain(): Promise<boolean> {
    const { drainMs } = this.runtime.environment;
    if (drainMs === 0) return false;
    this.#isDraining = true;
    await new Promise((resolve) => setTimeout(resolve, drainMs));
    return true;
  }

  /** Takes no more requests and lets those under way finish. Websockets live until the process ends: that is how clients see it. */
  async close(): Promise<void> {
    if (!this.#isHandedOver) await rm(this.#socket, { force: true });
    const graceMs = this.#isDraining ? drainedGraceMs : plainGraceMs;
    await Promise.all([this.#unix, ...[...this.#https.values()].map(({ server }) => server)].map((server) => closed(server, graceMs)));
  }

  /** Somebody else serves the addresses from now on; connections that are open go on. */
  async handOver(): Promise<void> {
    this.#isHandedOver = true;
    await this.#following.catch(() => {});
    for (const { server } of this.#https.values()) server.close();
    await rm(this.#socket, { force: true });
  }

  /** Nobody came to serve them. */
  async takeBack(): Promise<void> {
    this.#isHandedOver = false;
    this.#https.clear();
    await this.#listenUnix();
    await this.follow();
  }

  get #socket(): string {
    return join(this.runtime.environment.stateDir, 'unix.socket');
  }

  async #follow(): Promise<void> {
    if (this.#isHandedOver) return;
    const { config } = await this.cluster.config(systemCall(), { member: this.runtime.environment.member });
    this.upgrades.trust.openMetrics(isFalse(config['core.metrics_authentication']));
    const failures: unknown[] = [];
    for (const listener of listeners) await this.#bring(listener, config[listener.key] ?? '').catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  async #bring({ key, defaultPort, only }: Listener, wanted: string): Promise<void> {
    const old = this.#https.get(key);
    if (wanted === (old?.wanted ?? '')) return;
    const address = parseListenAddress(wanted, defaultPort);
    this.#https.delete(key);
    // Sockets that are open go on; only the address is given up.
    old?.server.close();
    if (!address) return;
    const server = this.#attach(
      createHttpsServer({
        cert: this.certificate.pem,
        key: this.certificate.key,
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        ...this.#options(only),
      }),
      only,
    );
    try {
      await listening(server, { port: address.port, host: address.host === '' ? '::' : address.host, reusePort: this.runtime.environment.gateways > 1 });
    } catch (error) {
      throw new LxdError('internal', `Failed to listen on ${wanted}: ${(error as Error).message}`, { cause: error });
    }
    this.#https.set(key, { server, wanted });
  }

  async #listenUnix(): Promise<void> {
    const { socketGroup } = this.runtime.environment;
    const path = this.#socket;
    if (await answers(path)) throw new LxdError('conflict', `LXD is already running on ${path}`);
    // Bound under another name, which is what closing takes away: by then the socket may be another server's.
    const bound = `${path}~`;
    await rm(bound, { force: true });
    const server = this.#attach(createHttpServer(this.#options()));
    await listening(server, { path: bound });
    await chmod(bound, 0o660);
    if (socketGroup) await chown(bound, 0, await groupId(socketGroup));
    await rename(bound, path);
    this.#unix = server;
  }

  #options(only?: readonly string[]) {
    return {
      // Streams move in pieces of up to this size.
      highWaterMark: 512 * 1024,
      keepAliveTimeout: 300_000,
      requestTimeout: 0,
      headersTimeout: 60_000,
      shouldUpgradeCallback: (request: Parameters<RequestListener>[0]) => only === undefined && this.upgrades.wants(request),
    };
  }

  #attach(server: Server, only?: readonly string[]): Server {
    server.on('request', (request, response) => {
      if (this.#isDraining) response.shouldKeepAlive = false;
      if (only === undefined || only.includes(request.url?.split('?', 1)[0] ?? '')) this.#handler(request, response);
      else refuse(response);
    });
    server.on('upgrade', (request, stream, head) => void this.upgrades.accept(request, stream, head));
    return server;
  }
}

function listening(server: Server, options: { path: string } | { host: string; port: number; reusePort: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** As for a path that nobody serves. */
function refuse(response: ServerResponse): void {
  const { status, body } = errorAnswer(new LxdError('not-found', 'not found'));
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
}

const plainGraceMs = 1_000;
/** Whoever waits for an operation may hear of its end. */
const drainedGraceMs = 30_000;

function closed(server: Server | undefined, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (!server) return resolve();
    const giveUp = setTimeout(() => {
      server.closeAllConnections();
      resolve();
    }, graceMs);
    server.close(() => {
      clearTimeout(giveUp);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Whether somebody serves the socket, so that a second server does not take it away. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
