import { WebSocket } from 'ws';
import type { Operation } from '../../http/client.js';
import type { TestServer } from '../../servers/server.js';
import { median } from '../bench.js';
import type { Bench } from '../bench.js';

interface Heard {
  timestamp: string;
  metadata: { id?: string; status?: string };
}

const listeners = 50;
const rounds = 20;

/** Milliseconds of the clock that timestamps of events have, with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A listener of operations; `heard` has when the end of each was heard and when the server wrote it. */
class Listener {
  readonly heard = new Map<string, { at: number; written: number }>();
  readonly #socket: WebSocket;

  constructor(server: TestServer) {
    this.#socket = new WebSocket(`ws+unix://${server.socket}:/1.0/events?type=operation`);
    this.#socket.on('message', (data: Buffer) => {
      const at = now();
      const { timestamp, metadata } = JSON.parse(data.toString()) as Heard;
      if (metadata.id !== undefined && metadata.status === 'Success') this.heard.set(metadata.id, { at, written: milliseconds(timestamp) });
    });
  }

  async ready(): Promise<void> {
    await new Promise((resolve, reject) => this.#socket.once('open', resolve).once('error', reject));
  }

  async end(id: string): Promise<{ at: number; written: number }> {
    for (;;) {
      const end = this.heard.get(id);
      if (end) return end;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** With what the fraction has beyond milliseconds. */
function milliseconds(timestamp: string): number {
  const fraction = /\.(\d+)/.exec(timestamp)?.[1] ?? '0';
  return Math.floor(Date.parse(timestamp) / 1000) * 1000 + Number(`0.${fraction}`) * 1000;
}

/** An operation that ends after its waiter has come. */
async function open(server: TestServer): Promise<string> {
  const answer = await server.client.json<Operation>('POST', '/1.0/instances/prompt/exec', { command: ['sleep', '0.05'], 'wait-for-websocket': false, interactive: false });
  return answer.metadata.id;
}

/** From the end of each operation to the answer of its `wait`: `since` says what counts as the end. */
async function waited(server: TestServer, since: 'written' | 'at'): Promise<number> {
  const listener = new Listener(server);
  await listener.ready();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const id = await open(server);
    await server.client.wait(`/1.0/operations/${id}`);
    const answered = now();
    times.push(answered - (await listener.end(id))[since]);
  }
  listener.close();
  return median(times);
}

/**
 * They count from the timestamp of the event that tells the operation's end. Asterism sets it before the end is committed, so that its own numbers
 * contain the commit; only the second counts from the moment when a listener has heard of the end.
 */
export const promptness: Bench[] = [
  {
    name: 'wait answers after the end of its operation',
    group: 'promptness',
    unit: 'ms',
    repetitions: 6,
    limit: 5,
    prepare: async ({ client }) => {
      await client.change('POST', '/1.0/instances', { name: 'prompt', source: { type: 'image', alias: 'busybox' } });
      await client.change('PUT', '/1.0/instances/prompt/state', { action: 'start', timeout: 30 });
    },
    sample: async (server) => await waited(server, 'written'),
  },
  {
    name: 'wait answers after the event of the end was heard',
    group: 'promptness',
    unit: 'ms',
    repetitions: 6,
    limit: 5,
    sample: async (server) => await waited(server, 'at'),
  },
  {
    name: `an event reaches the last of ${listeners} listeners`,
    group: 'promptness',
    unit: 'ms',
    repetitions: 6,
    limit: 20,
    sample: async (server) => {
      const all = Array.from({ length: listeners }, () => new Listener(server));
      await Promise.all(all.map((listener) => listener.ready()));
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const id = await open(server);
        await server.client.wait(`/1.0/operations/${id}`);
        const ends = await Promise.all(all.map((listener) => listener.end(id)));
        times.push(Math.max(...ends.map(({ at }) => at)) - ends[0]!.written);
      }
      for (const listener of all) listener.close();
      return median(times);
    },
    clean: async ({ client }) => {
      await client.change('PUT', '/1.0/instances/prompt/state', { action: 'stop', force: true });
      await client.change('DELETE', '/1.0/instances/prompt');
    },
  },
];
