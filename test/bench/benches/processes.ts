import type { TestServer } from '../../servers/server.js';
import { concurrently, medianTime, timed } from '../bench.js';
import type { Bench } from '../bench.js';
import { createEmpty, createFromImage, deleteInstance, setState, stopAndDelete } from '../instances.js';

/** The other server is this build in one process: what it costs that every service is its own, and all they say goes over mutual TLS. */
const compared: Pick<Bench, 'group' | 'beside'> = { group: 'processes', beside: 'standalone' };
const factor = 1.5;

/** Many of a read that takes little. */
function read(name: string, path: string, prepare?: (server: TestServer) => Promise<void>, clean?: (server: TestServer) => Promise<void>): Bench {
  return {
    name: `${name}, processes`,
    ...compared,
    unit: 'ms',
    repetitions: 9,
    warmUps: 3,
    aim: { atMost: factor },
    sample: async ({ client }) => await medianTime(100, async () => await client.send({ path })),
    ...(prepare ? { prepare } : {}),
    ...(clean ? { clean } : {}),
  };
}

export const processes: Bench[] = [
  {
    name: 'launch to RUNNING, dir, processes',
    ...compared,
    unit: 'ms',
    repetitions: 15,
    warmUps: 4,
    aim: { atMost: 1.2 },
    sample: async (server) => {
      const time = await timed(async () => {
        await createFromImage(server, 'l');
        await setState(server, 'l', 'start');
      });
      await stopAndDelete(server, 'l');
      return time;
    },
  },
  {
    name: 'stop --force, processes',
    ...compared,
    unit: 'ms',
    repetitions: 12,
    warmUps: 2,
    aim: { atMost: factor },
    sample: async (server) => {
      await createFromImage(server, 'l');
      await setState(server, 'l', 'start');
      const time = await timed(async () => await setState(server, 'l', 'stop'));
      await deleteInstance(server, 'l');
      return time;
    },
  },
  {
    name: 'create and delete 12 empty, 1 client, processes',
    ...compared,
    unit: 'ms',
    repetitions: 9,
    warmUps: 4,
    aim: { atMost: factor },
    sample: async (server) =>
      await timed(async () => {
        for (let index = 0; index < 12; index++) {
          await createEmpty(server, `p-${index}`);
          await deleteInstance(server, `p-${index}`);
        }
      }),
  },
  {
    name: 'create and delete 48 empty, 8 clients, processes',
    ...compared,
    unit: 'ms',
    repetitions: 9,
    warmUps: 4,
    aim: { atMost: factor },
    sample: async (server) =>
      await timed(async () => {
        await concurrently(48, 8, async (index) => await createEmpty(server, `p-${index}`));
        await concurrently(48, 8, async (index) => await deleteInstance(server, `p-${index}`));
      }),
  },
  read('GET /1.0', '/1.0'),
  read('one instance', '/1.0/instances/r-0', async (server) => await concurrently(32, 4, async (index) => await createEmpty(server, `r-${index}`))),
  read('list of 32, recursion 1', '/1.0/instances?recursion=1', undefined, async (server) => await concurrently(32, 4, async (index) => await deleteInstance(server, `r-${index}`))),
];
