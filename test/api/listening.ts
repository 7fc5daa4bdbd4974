import { WebSocket } from 'ws';
import type { UnixClient } from '../http/client.js';
import type { TestServer } from '../servers/server.js';
import { refusal } from './scenario.js';

export interface Event {
  cursor: number;
  type: string;
  project: string;
  metadata: { action?: string; source?: string; id?: string; description?: string; status?: string };
}

export interface Listening {
  events: Event[];
  open: Promise<void>;
  /** Code and reason of the end. */
  closed: Promise<[number, string]>;
  close(): void;
}

export function listen(server: TestServer, query: string): Listening {
  const socket = new WebSocket(`ws+unix://${server.socket}:/1.0/events?${query}`);
  const events: Event[] = [];
  socket.on('message', (data: Buffer) => events.push(JSON.parse(data.toString()) as Event));
  socket.on('error', () => undefined);
  return {
    events,
    open: new Promise((resolve, reject) => socket.once('open', resolve).once('unexpected-response', (_, response) => reject(new Error(String(response.statusCode)))).once('error', reject)),
    closed: new Promise((resolve) => socket.once('close', (code, reason) => resolve([code, reason.toString()]))),
    close: () => socket.terminate(),
  };
}

/** The journal's newest cursor, as the refusal of one that lies ahead names it. */
export async function newest(client: UnixClient): Promise<number> {
  return Number(/newest is (\d+)/.exec(refusal(await client.json('GET', '/1.0/events?since=999999999999')))![1]);
}

export function actions(events: readonly Event[]): (string | undefined)[] {
  return events.filter(({ type }) => type === 'lifecycle').map(({ metadata }) => metadata.action);
}
