import { timed } from '../bench.js';
import type { Bench } from '../bench.js';
import { createFromImage, deleteInstance } from '../instances.js';

export const snapshots: Bench[] = [
  {
    name: 'snapshot, btrfs',
    group: 'snapshots',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.6 },
    prepare: async (server) => await createFromImage(server, 'n', 'fast'),
    sample: async ({ client }) => {
      const time = await timed(async () => await client.change('POST', '/1.0/instances/n/snapshots', { name: 's' }));
      await client.change('DELETE', '/1.0/instances/n/snapshots/s');
      return time;
    },
  },
  {
    name: 'restore, btrfs',
    group: 'snapshots',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.6 },
    prepare: async ({ client }) => void (await client.change('POST', '/1.0/instances/n/snapshots', { name: 's' })),
    sample: async ({ client }) => await timed(async () => await client.change('PUT', '/1.0/instances/n', { restore: 's' })),
    clean: async (server) => await deleteInstance(server, 'n'),
  },
];
