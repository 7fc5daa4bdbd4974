import { EventBusToken, type EventBus } from '@asterism/events';
import { Token, type Operations } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { journalWish, type Audience } from './event-wish.js';
import { closing, replay } from './replay.js';

const pingEveryMs = 10_000;
/** A client that reads too slowly is let go rather than kept in memory. */
const maxBufferedBytes = 16 * 1024 * 1024;

/** Passes the journal's entries and log messages to every client of /1.0/events; each is rendered once for all. */
@Injectable()
export class EventFeed {
  readonly #sockets = new Set<WebSocket>();
  readonly #listeners = new Map<WebSocket, Audience>();

  constructor(
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(Token.Operations) private readonly operations: Operations,
  ) {}

  async start(): Promise<void> {
    await this.bus.subscribe(['journal.appended'], ({ payload }) => {
      for (const { cursor, type, project, json } of payload.entries) this.#pass({ type, project, json, before: cursor - 1 });
    });
    await this.bus.subscribe(['logging'], ({ at, payload }) => {
      if (this.#listeners.size === 0) return;
      const { message, level, context, location } = payload;
      const metadata = { context: context ?? {}, level, message };
      this.#pass({ type: 'logging', project: '', json: JSON.stringify({ location: location ?? 'none', metadata, timestamp: new Date(at).toISOString(), type: 'logging' }) });
    });
    setInterval(() => this.#ping(), pingEveryMs).unref();
  }

  /** From now on. */
  add(socket: WebSocket, audience: Audience): void {
    this.#keep(socket);
    this.#listeners.set(socket, audience);
  }

  /** What came after the cursor, then what comes; log messages, which no journal keeps, from now on. */
  addSince(socket: WebSocket, audience: Audience, since: number): void {
    this.#keep(socket);
    if (audience.types.includes('logging')) this.#listeners.set(socket, { ...audience, types: ['logging'] });
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    void replay(socket, this.operations.follow(systemCall({ signal: closed.signal }), journalWish(audience, since)), since).finally(() => closed.abort());
  }

  #keep(socket: WebSocket): void {
    this.#sockets.add(socket);
    answered.add(socket);
    socket.on('pong', () => answered.add(socket));
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#listeners.delete(socket);
    });
    socket.on('error', () => socket.terminate());
  }

  #pass({ type, project, json, before }: { type: string; project: string; json: string; before?: number }): void {
    for (const [socket, audience] of this.#listeners) {
      if (!audience.types.some((wanted) => wanted === type)) continue;
      if (project === '' ? !audience.admin : audience.projects && !audience.projects.includes(project)) continue;
      if (socket.bufferedAmount < maxBufferedBytes) {
        socket.send(json);
      } else if (before !== undefined) {
        socket.close(closing.tryAgainLater, `Reading too slowly; resume with since=${before}`);
        this.#listeners.delete(socket);
      }
    }
  }

  /** Who has much to read yet may answer late. */
  #ping(): void {
    for (const socket of this.#sockets) {
      if (!answered.delete(socket) && socket.bufferedAmount === 0) socket.terminate();
      else socket.ping();
    }
  }
}

/** Sockets that answered the last ping. */
const answered = new WeakSet<WebSocket>();
