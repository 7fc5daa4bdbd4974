import { EventBusToken, type EventBus } from '@asterism/events';
import { LxdError } from '@asterism/errors';
import { Token, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { RuntimeInfo } from '@asterism/service';
import { createLogger } from '@asterism/telemetry';
import { Inject, Injectable } from '@nestjs/common';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { chmod, chown, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:net';
import { Upgrades } from '../websockets/upgrades.js';
import { parseListenAddress } from './address.js';
import { groupId } from './group-id.js';
import { ServerCertificate } from './server-certificate.js';

const logger = createLogger('gateway');

/** The sockets the API is served on: DIR/unix.socket always, HTTPS where core.https_address says. */
@Injectable()
export class Listeners {
  #handler: RequestListener = () => {};
  #unix: Server | undefined;
  #https: { server: Server; wanted: string } | undefined;
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
      if (payload.keys.some((key) => key === 'core.https_address' || key === 'cluster.https_address')) await this.follow().catch((error: unknown) => logger.error({ err: error }, 'HTTPS listener'));
    });
    await this.follow().catch((error: unknown) => logger.error({ err: error }, 'HTTPS listener'));
  }

  /** Brings HTTPS to what the configuration says; calls wait for each other. */
  follow(): Promise<void> {
    const next = this.#following.catch(() => {}).then(() => this.#follow());
    this.#following = next;
    return next;
  }

  /** Where others can take over: each answer from now on ends its connection, so that clients find the others. */
  async drain(): Promise<void> {
    const { drainMs } = this.runtime.environment;
    if (drainMs === 0) return;
    this.#isDraining = true;
    await new Promise((resolve) => setTimeout(resolve, drainMs));
  }

  /** Takes no more requests and lets those under way finish. Websockets live until the process ends: that is how clients see it. */
  async close(): Promise<void> {
    if (!this.#isHandedOver) await rm(this.#socket, { force: true });
    const graceMs = this.#isDraining ? drainedGraceMs : plainGraceMs;
    await Promise.all([closed(this.#unix, graceMs), closed(this.#https?.server, graceMs)]);
  }

  /** Somebody else serves the addresses from now on; connections that are open go on. */
  async handOver(): Promise<void> {
    this.#isHandedOver = true;
    await this.#following.catch(() => {});
    this.#https?.server.close();
    await rm(this.#socket, { force: true });
  }

  get #socket(): string {
    return join(this.runtime.environment.stateDir, 'unix.socket');
  }

  async #follow(): Promise<void> {
    if (this.#isHandedOver) return;
    const { config } = await this.cluster.config(systemCall(), { member: this.runtime.environment.member });
    const wanted = config['core.https_address'] ?? '';
    if (wanted === (this.#https?.wanted ?? '')) return;
    const address = parseListenAddress(wanted);
    const old = this.#https;
    this.#https = undefined;
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
        ...this.#options(),
      }),
    );
    try {
      await listening(server, { port: address.port, host: address.host === '' ? '::' : address.host });
    } catch (error) {
      throw new LxdError('internal', `Failed to listen on ${wanted}: ${(error as Error).message}`, { cause: error });
    }
    this.#https = { server, wanted };
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

  #options() {
    return {
      // Streams move in pieces of up to this size.
      highWaterMark: 512 * 1024,
      keepAliveTimeout: 300_000,
      requestTimeout: 0,
      headersTimeout: 60_000,
      shouldUpgradeCallback: (request: Parameters<RequestListener>[0]) => this.upgrades.wants(request),
    };
  }

  #attach(server: Server): Server {
    server.on('request', (request, response) => {
      if (this.#isDraining) response.shouldKeepAlive = false;
      this.#handler(request, response);
    });
    server.on('upgrade', (request, stream, head) => void this.upgrades.accept(request, stream, head));
    return server;
  }
}

function listening(server: Server, options: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
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
