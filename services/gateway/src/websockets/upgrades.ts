import { Agents } from '@asterism/agents';
import { Token, type Operations, type Projects } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { refuseCrossSite } from '../auth/cross-site.js';
import type { Identity } from '../auth/identity.js';
import { Trust } from '../auth/trust.js';
import { EventFeed } from '../events/event-feed.js';
import { audienceOf, eventWish } from '../events/event-wish.js';
import { errorAnswer } from '../http/error.filter.js';
import { joinSession } from './session-socket.js';
import { refuseSession } from './refuse-session.js';
import { SessionTickets } from './session-tickets.js';

const eventsPath = '/1.0/events';
const sessionPath = /^\/1\.0\/operations\/([^/]+)\/websocket$/;

/** Opens the API's websockets: events, and the streams of sessions. */
@Injectable()
export class Upgrades {
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 16 * 1024 * 1024 });

  constructor(
    @Inject(Trust) readonly trust: Trust,
    @Inject(EventFeed) private readonly feed: EventFeed,
    @Inject(SessionTickets) private readonly tickets: SessionTickets,
    @Inject(Token.Operations) private readonly operations: Operations,
    @Inject(Token.Projects) private readonly projects: Projects,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  /** Whether a request with an Upgrade header is for here; others are answered as if they had none. */
  wants(request: IncomingMessage): boolean {
    const path = pathOf(request);
    return request.headers.upgrade?.toLowerCase() === 'websocket' && (path === eventsPath || sessionPath.test(path));
  }

  async accept(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    stream.on('error', () => stream.destroy());
    try {
      refuseCrossSite(request.headers);
      const identity = await this.trust.identify(stream as Socket);
      const url = new URL(request.url ?? '', 'http://gateway');
      const session = sessionPath.exec(url.pathname)?.[1];
      const join = session === undefined ? await this.#events(identity, url.searchParams) : await this.#session(session, url.searchParams.get('secret') ?? '');
      this.#sockets.handleUpgrade(request, stream, head, (socket) => join(socket));
    } catch (error) {
      refuse(stream, error);
    }
  }

  async #events(identity: Identity, query: URLSearchParams): Promise<(socket: WebSocket) => void> {
    const wish = eventWish(query, identity.admin);
    const audience = await audienceOf(wish, identity, this.projects);
    const { since } = wish;
    if (since === undefined) return (socket) => this.feed.add(socket, audience);
    await this.operations.locate(systemCall(), { cursor: since });
    return (socket) => this.feed.addSince(socket, audience, since);
  }

  async #session(id: string, secret: string): Promise<(socket: WebSocket) => void> {
    const ticket = secret === '' ? undefined : await this.tickets.redeem(id, secret);
    if (!ticket) return refuseSession(this.operations, systemCall(), id, secret);
    const agent = this.agents.on(ticket.member);
    return (socket) => {
      socket.on('error', () => socket.terminate());
      void joinSession(socket, ticket, (frames) => agent.instances.attach(systemCall(), frames));
    };
  }
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?', 1)[0] ?? '';
}

function refuse(stream: Duplex, error: unknown): void {
  const { status, body } = errorAnswer(error);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
    `Content-Length: ${body.length}`,
  ];
  stream.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
}
