import { join } from 'node:path';
import { capture } from '../../servers/capture.js';
import { medianTime } from '../bench.js';
import type { Bench } from '../bench.js';

export const api: Bench[] = [
  {
    name: 'GET /1.0, one connection',
    group: 'api',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.8 },
    sample: async ({ client }) => await medianTime(200, async () => await client.send({ path: '/1.0' })),
  },
  {
    name: 'GET /1.0, 64 connections',
    group: 'api',
    unit: '/s',
    repetitions: 5,
    aim: { atLeast: 2 },
    sample: async (server) => {
      const { stdout, stderr } = await capture([process.execPath, join(import.meta.dirname, '../load.js'), server.socket, '/1.0', '64', '2000']);
      if (stdout === '') throw new Error(stderr);
      return Number(stdout);
    },
  },
];
