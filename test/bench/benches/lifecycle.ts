import type { TestServer } from '../../servers/server.js';
import { concurrently, timed } from '../bench.js';
import type { Bench } from '../bench.js';
import { createEmpty, createFromImage, deleteInstance, setState, stopAndDelete } from '../instances.js';

/** Creates and deletes of empty instances by a number of clients, as rates. */
function empties(clients: number): Bench[] {
  const count = clients * 6;
  return [
    {
      name: `create empty instances, ${clients} client(s)`,
      group: 'empty',
      unit: '/s',
      repetitions: clients === 1 ? 5 : 15,
      warmUps: clients === 1 ? 4 : 10,
      aim: clients === 8 ? { atLeast: 6 } : undefined,
      sample: async (server) => {
        const time = await timed(async () => await concurrently(count, clients, async (index) => await createEmpty(server, `e-${index}`)));
        await concurrently(count, 4, async (index) => await deleteInstance(server, `e-${index}`));
        return (count * 1000) / time;
      },
    },
    {
      name: `delete empty instances, ${clients} client(s)`,
      group: 'empty',
      unit: '/s',
      repetitions: clients === 1 ? 5 : 15,
      warmUps: clients === 1 ? 4 : 10,
      aim: clients === 8 ? { atLeast: 6 } : undefined,
      sample: async (server) => {
        await concurrently(count, 4, async (index) => await createEmpty(server, `e-${index}`));
        const time = await timed(async () => await concurrently(count, clients, async (index) => await deleteInstance(server, `e-${index}`)));
        return (count * 1000) / time;
      },
    },
  ];
}

async function launch(server: TestServer, name: string, pool: string): Promise<void> {
  await createFromImage(server, name, pool);
  await setState(server, name, 'start');
}

function launches(pool: string, driver: string): Bench {
  return {
    name: `launch to RUNNING, ${driver}`,
    group: 'launch',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.5 },
    prepare: async (server) => {
      await launch(server, 'warm', pool);
      await stopAndDelete(server, 'warm');
    },
    sample: async (server) => {
      const time = await timed(async () => await launch(server, 'l', pool));
      await stopAndDelete(server, 'l');
      return time;
    },
  };
}

const start32: Bench = {
  name: 'start 32 at once, dir',
  group: 'start',
  unit: 'ms',
  repetitions: 3,
  aim: { atMost: 0.6 },
  prepare: async (server) => await concurrently(32, 4, async (index) => await createFromImage(server, `s-${index}`)),
  sample: async (server) => {
    const time = await timed(async () => await concurrently(32, 32, async (index) => await setState(server, `s-${index}`, 'start')));
    await concurrently(32, 4, async (index) => await setState(server, `s-${index}`, 'stop'));
    return time;
  },
  clean: async (server) => await concurrently(32, 4, async (index) => await deleteInstance(server, `s-${index}`)),
};

export const lifecycle: Bench[] = [
  ...empties(1),
  ...empties(8),
  launches('default', 'dir'),
  launches('fast', 'btrfs'),
  {
    name: 'stop --force',
    group: 'launch',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.5 },
    sample: async (server) => {
      await launch(server, 'l', 'default');
      const time = await timed(async () => await setState(server, 'l', 'stop'));
      await deleteInstance(server, 'l');
      return time;
    },
  },
  {
    name: 'delete, dir',
    group: 'launch',
    unit: 'ms',
    repetitions: 10,
    aim: { atMost: 0.5 },
    sample: async (server) => {
      await createFromImage(server, 'l', 'default');
      return await timed(async () => await deleteInstance(server, 'l'));
    },
  },
  start32,
];
