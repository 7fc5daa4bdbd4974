import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { instanceKeys, isTrue, isTrueKey } from '@asterism/config-keys';
import { fromUnknown } from '@asterism/errors';
import type { agentInstances, images } from '@asterism/proto';
import { WebSocketServer, type WebSocket } from 'ws';
import type { IdRange, RunningInstance } from '../devices/device.js';
import type { Host } from '../host/host.js';
import type { Listening } from '../host/unix-sockets.js';
import type { InstanceRecord, KnownInstances } from '../instances/known-instances.js';
import { answerTo, refusal, type Answer } from './answers.js';
import type { GuestEvent } from './guest-events.js';
import type { GuestImages } from './guest-images.js';

type InstanceSpec = agentInstances.InstanceSpec;

/** Where an instance finds its socket. */
export const guestDirectory = '/dev/lxd';

const pingEveryMs = 10_000;
/** A guest that does not read its news is let go. */
const mostBufferedBytes = 1024 * 1024;
const imagePath = /^\/1\.0\/images\/([^/]+)\/export$/;

export function hasDevlxd(config: Readonly<Record<string, string>>): boolean {
  return isTrue(config[instanceKeys.securityDevlxd.name] || 'true');
}

/**
 * What instances may ask of the host: each has a socket of its own at /dev/lxd/sock, which says who asks, and only its root is answered. All answers
 * come from what the agent knows itself, but images.
 */
export class Devlxd {
  readonly #sockets = new Map<string, Listening>();
  readonly #origin = new WeakMap<Socket, { id: string; isRoot: boolean }>();
  readonly #listeners = new Map<WebSocket, { id: string; types: string[] }>();
  readonly #upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 64 * 1024 });
  readonly #http: Server;
  #pings: NodeJS.Timeout | undefined;

  constructor(
    private readonly host: Host,
    private readonly known: KnownInstances,
    private readonly facts: { member: () => string; images: GuestImages },
  ) {
    this.#http = createServer((request, response) => void this.#serve(request, response));
    this.#http.on('upgrade', (request, socket: Socket, head) => this.#upgrade(request, socket, head));
  }

  /** On the host; short, since the path of a socket is. */
  directory(id: string): string {
    return join(this.known.layout.stateDir, 'devlxd', createHash('sha256').update(id).digest('hex').slice(0, 16));
  }

  /** Listens for an instance that is about to start, or runs. */
  async open(spec: InstanceSpec, idmap: readonly IdRange[]): Promise<void> {
    if (!hasDevlxd(spec.config) || this.#sockets.has(spec.id)) return;
    const directory = this.directory(spec.id);
    await this.host.files.mkdir(directory, { mode: 0o755 });
    const root = rootOf(idmap);
    const listening = await this.host.unixSockets.listen(join(directory, 'sock'), 0o666, (socket, { uid }) => {
      this.#origin.set(socket, { id: spec.id, isRoot: uid === root });
      this.#http.emit('connection', socket);
    });
    this.#sockets.set(spec.id, listening);
    this.#pings ??= setInterval(() => this.#ping(), pingEveryMs).unref();
  }

  async close(id: string): Promise<void> {
    const listening = this.#sockets.get(id);
    this.#sockets.delete(id);
    await listening?.close();
    await this.host.files.remove(this.directory(id));
  }

  /** The socket of a running instance comes or goes with its config. */
  async change(before: InstanceSpec, after: InstanceSpec, { pid, idmap }: RunningInstance): Promise<void> {
    const [had, has] = [hasDevlxd(before.config), hasDevlxd(after.config)];
    if (!had && has) {
      await this.open(after, idmap);
      await this.host.guests.ask('mount', { pid, source: this.directory(after.id), target: guestDirectory, readonly: true });
    }
    if (had && !has) {
      await this.host.guests.ask('unmount', { pid, target: guestDirectory }).catch(() => undefined);
      await this.close(after.id);
    }
  }

  tell(id: string, events: readonly GuestEvent[]): void {
    const listeners = [...this.#listeners].filter(([, listener]) => listener.id === id);
    for (const { type, metadata } of events) {
      const text = JSON.stringify({ type, timestamp: new Date().toISOString(), metadata });
      for (const [socket, { types }] of listeners) {
        if (socket.bufferedAmount > mostBufferedBytes) socket.terminate();
        else if (types.includes(type)) socket.send(text);
      }
    }
  }

  /** Lets go of all sockets; they are opened again by the next agent. */
  end(): void {
    clearInterval(this.#pings);
    for (const listening of this.#sockets.values()) void listening.close();
    this.#sockets.clear();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path } = addressOf(request);
    const record = this.#asking(request.socket);
    if (!('spec' in record)) return send(response, record);
    const fingerprint = imagePath.exec(path)?.[1];
    if (fingerprint !== undefined) return this.#image(response, record.spec, fingerprint);
    send(response, answerTo(path, record.spec, this.facts.member()));
  }

  #asking(socket: Socket): InstanceRecord | Answer {
    const origin = this.#origin.get(socket);
    const record = this.known.find(origin?.id ?? '');
    if (!record) return refusal(500, 'Instance not found');
    return origin?.isRoot ? record : refusal(401, 'Access denied for non-root user');
  }

  async #image(response: ServerResponse, { project, config }: InstanceSpec, fingerprint: string): Promise<void> {
    if (!isTrueKey(config, instanceKeys.securityDevlxdImages)) return send(response, refusal(403, 'not authorized'));
    try {
      const frames = await this.facts.images(project, fingerprint);
      await pipeline(body(frames, response), response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    }
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { path, query } = addressOf(request);
    const record = this.#asking(socket);
    if (!('spec' in record) || path !== '/1.0/events') {
      socket.end(`HTTP/1.1 ${'spec' in record ? '404 Not Found' : '401 Unauthorized'}\r\nConnection: close\r\n\r\n`);
      return;
    }
    const types = (query.get('type') || 'config,device').split(',');
    this.#upgrades.handleUpgrade(request, socket, head, (client) => {
      this.#listeners.set(client, { id: record.spec.id, types });
      client.on('close', () => this.#listeners.delete(client));
      client.on('error', () => client.terminate());
    });
  }

  #ping(): void {
    for (const socket of this.#listeners.keys()) socket.ping('keepalive');
  }
}

/** The user on the host that is root inside. */
function rootOf(idmap: readonly IdRange[]): number {
  return idmap.find((range) => range.isUid && range.nsId === 0)?.hostId ?? 0;
}

/** Whatever a guest may send as one. */
function addressOf({ url = '/' }: IncomingMessage): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  return { path: mark < 0 ? url : url.slice(0, mark), query: new URLSearchParams(mark < 0 ? '' : url.slice(mark)) };
}

/** The first frame says what the headers are. */
async function* body(frames: AsyncIterable<images.ExportFrame>, response: ServerResponse): AsyncIterable<Uint8Array> {
  for await (const { part } of frames) {
    if (part?.$case === 'chunk') yield part.value;
    if (part?.$case !== 'header') continue;
    const { content_type, content_disposition, size_bytes, modified_at_ms } = part.value;
    response.writeHead(200, {
      'Content-Type': content_type,
      ...(content_disposition ? { 'Content-Disposition': content_disposition } : {}),
      ...(size_bytes >= 0 ? { 'Content-Length': size_bytes } : {}),
      ...(modified_at_ms > 0 ? { 'Last-Modified': new Date(modified_at_ms).toUTCString() } : {}),
    });
  }
}

function send(response: ServerResponse, { status, type, body: text }: Answer): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text), ...(status >= 400 ? { 'X-Content-Type-Options': 'nosniff' } : {}) });
  response.end(text);
}

/** As the reference words errors of images: the envelope of its API. */
function sendError(response: ServerResponse, error: unknown): void {
  const { kind, message } = fromUnknown(error);
  const code = kind === 'not-found' ? 404 : kind === 'bad-request' ? 400 : 500;
  const envelope = { type: 'error', status: '', status_code: 0, operation: '', error_code: code, error: message, metadata: null };
  const text = `${JSON.stringify(envelope)}\n`;
  response.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), 'X-Content-Type-Options': 'nosniff' });
  response.end(text);
}
