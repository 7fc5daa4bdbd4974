import { WebSocket } from 'ws';
import type { Operation } from '../../http/client.js';
import type { TestServer } from '../../servers/server.js';
import { medianTime } from '../bench.js';
import type { Bench } from '../bench.js';
import { createFromImage, setState, stopAndDelete } from '../instances.js';

export const exec: Bench[] = [
  {
    name: 'exec true, without websocket',
    group: 'exec',
    unit: 'ms',
    repetitions: 10,
    warmUps: 10,
    aim: { atMost: 0.8 },
    prepare: async (server) => {
      await createFromImage(server, 'x');
      await setState(server, 'x', 'start');
    },
    sample: async ({ client }) =>
      await medianTime(5, async () => await client.change('POST', '/1.0/instances/x/exec', { command: ['true'], 'wait-for-websocket': false, interactive: false })),
  },
  {
    name: 'exec true, interactive',
    group: 'exec',
    unit: 'ms',
    repetitions: 10,
    warmUps: 10,
    aim: { atMost: 0.8 },
    sample: async (server) => await medianTime(5, async () => await interactive(server)),
    clean: async (server) => await stopAndDelete(server, 'x'),
  },
];

/** What `lxc exec -t` does: the terminal and the control socket until the server's empty message, then the end of the operation. */
async function interactive(server: TestServer): Promise<void> {
  const answer = await server.client.json<Operation>('POST', '/1.0/instances/x/exec', { command: ['true'], 'wait-for-websocket': true, interactive: true, width: 80, height: 25 });
  const fds = answer.metadata.metadata?.['fds'] as Record<string, string>;
  const open = (name: string): WebSocket => new WebSocket(`ws+unix:${server.socket}:${answer.operation}/websocket?secret=${fds[name]}`);
  const sockets = [open('0'), open('control')];
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.on('message', (message: Buffer) => message.length === 0 && socket.close());
  }
  await server.client.wait(answer.operation);
  for (const socket of sockets) socket.terminate();
}
