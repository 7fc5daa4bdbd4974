import { EventBusToken, type EventBus } from '@asterism/events';
import { Inject, Injectable } from '@nestjs/common';
import type { WebSocket } from 'ws';
import type { EventType } from './event-wish.js';

interface Listener {
  types: readonly EventType[];
  /** Absent: all. */
  projects: readonly string[] | undefined;
  /** Events of no project may tell secrets (tokens of certificates), so only administrators hear them. */
  admin: boolean;
}

const pingEveryMs = 10_000;
/** A client that reads too slowly is let go rather than kept in memory. */
const maxBufferedBytes = 16 * 1024 * 1024;

/** Passes the journal's entries and log messages to every client of /1.0/events; each is rendered once for all. */
@Injectable()
export class EventFeed {
  readonly #listeners = new Map<WebSocket, Listener>();

  constructor(@Inject(EventBusToken) private readonly bus: EventBus) {}

  async start(): Promise<void> {
    await this.bus.subscribe(['journal.appended'], ({ payload }) => {
      for (const { type, project, json } of payload.entries) this.#pass(type, project, json);
    });
    await this.bus.subscribe(['logging'], ({ at, payload }) => {
      if (this.#listeners.size === 0) return;
      const { message, level, context, location } = payload;
      const metadata = { context: context ?? {}, level, message };
      this.#pass('logging', '', JSON.stringify({ location: location ?? 'none', metadata, timestamp: new Date(at).toISOString(), type: 'logging' }));
    });
    setInterval(() => this.#ping(), pingEveryMs).unref();
  }

  add(socket: WebSocket, listener: Listener): void {
    const gone = (): void => void this.#listeners.delete(socket);
    this.#listeners.set(socket, listener);
    answered.add(socket);
    socket.on('pong', () => answered.add(socket));
    socket.on('close', gone);
    socket.on('error', () => socket.terminate());
  }

  #pass(type: string, project: string, json: string): void {
    for (const [socket, listener] of this.#listeners) {
      if (!listener.types.some((wanted) => wanted === type)) continue;
      if (project === '' ? !listener.admin : listener.projects && !listener.projects.includes(project)) continue;
      if (socket.bufferedAmount > maxBufferedBytes) socket.terminate();
      else socket.send(json);
    }
  }

  #ping(): void {
    for (const socket of this.#listeners.keys()) {
      if (!answered.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }
}

/** Sockets that answered the last ping. */
const answered = new WeakSet<WebSocket>();
