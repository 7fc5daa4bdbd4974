import { randomBytes } from 'node:crypto';
import type { TestServer } from '../../servers/server.js';
import { medianTime, timed } from '../bench.js';
import type { Bench } from '../bench.js';
import { createFromImage, setState, stopAndDelete } from '../instances.js';

const large = 256;
const chunk = randomBytes(1 << 20);
const largeBody = Buffer.concat(Array.from({ length: large }, () => chunk));

async function push(server: TestServer, path: string, body: Buffer): Promise<void> {
  const { status, body: answer } = await server.client.send({ method: 'POST', path: `/1.0/instances/f/files?path=${path}`, headers: { 'Content-Type': 'application/octet-stream', 'X-LXD-type': 'file' }, body });
  if (status !== 200) throw new Error(answer.toString());
}

async function pull(server: TestServer, path: string, size: number): Promise<void> {
  const length = await server.client.length(`/1.0/instances/f/files?path=${path}`);
  if (length !== size) throw new Error(`${length} bytes instead of ${size}`);
}

export const files: Bench[] = [
  {
    name: 'push 1 KiB',
    group: 'files',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.8 },
    prepare: async (server) => {
      await createFromImage(server, 'f');
      await setState(server, 'f', 'start');
    },
    sample: async (server) => await medianTime(10, async () => await push(server, '/root/small', chunk.subarray(0, 1024))),
  },
  {
    name: 'pull 1 KiB',
    group: 'files',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.8 },
    sample: async (server) => await medianTime(10, async () => await pull(server, '/root/small', 1024)),
  },
  {
    name: 'push 256 MiB',
    group: 'files',
    unit: 'MiB/s',
    repetitions: 4,
    aim: { atLeast: 1.5 },
    sample: async (server) => (large * 1000) / (await timed(async () => await push(server, '/root/large', largeBody))),
  },
  {
    name: 'pull 256 MiB',
    group: 'files',
    unit: 'MiB/s',
    repetitions: 4,
    aim: { atLeast: 1.5 },
    sample: async (server) => (large * 1000) / (await timed(async () => await pull(server, '/root/large', large << 20))),
    clean: async (server) => await stopAndDelete(server, 'f'),
  },
];
