import type { TestServer } from '../../servers/server.js';
import { concurrently, medianTime, timed } from '../bench.js';
import type { Bench } from '../bench.js';
import { createEmpty, createFromImage, deleteInstance, setState, stopAndDelete } from '../instances.js';

const running = 8;

function lists(count: number): Bench[] {
  const group = `list-${count}`;
  const aims = { 0: undefined, 1: { atMost: 0.3 }, 2: { atMost: 0.03 } } as const;
  const at = (recursion: 0 | 1 | 2): Bench => ({
    name: `list of ${count + running} (${running} running), recursion ${recursion}`,
    group,
    unit: 'ms',
    repetitions: recursion === 2 ? 5 : 10,
    warmUps: recursion === 2 ? 3 : 10,
    aim: aims[recursion],
    sample: async ({ client }) => await medianTime(recursion === 2 ? 1 : 5, async () => await client.get(`/1.0/instances?recursion=${recursion}`)),
  });
  const benches = [at(0), at(1), at(2)];
  if (count === 200) {
    const stateOf = (name: string): Bench['sample'] => async ({ client }) => await medianTime(10, async () => await client.get(`/1.0/instances/${name}/state`));
    const state: Omit<Bench, 'name' | 'sample'> = { group, unit: 'ms', repetitions: 10, warmUps: 20, aim: { atMost: 0.1 } };
    benches.push({ ...state, name: 'state of one running instance, dir', sample: stateOf('run-0') });
    benches.push({
      ...state,
      name: 'state of one running instance, btrfs',
      prepare: async (server) => {
        await createFromImage(server, 'run-btrfs', 'fast');
        await setState(server, 'run-btrfs', 'start');
      },
      sample: stateOf('run-btrfs'),
    });
  }
  const [first] = benches;
  const last = benches.at(-1);
  if (first) first.prepare = async (server) => await populate(server, count);
  if (last) {
    last.clean = async (server) => {
      if (count === 200) await stopAndDelete(server, 'run-btrfs');
      await empty(server, count);
    };
  }
  return benches;
}

async function populate(server: TestServer, count: number): Promise<void> {
  await concurrently(count, 8, async (index) => await createEmpty(server, `empty-${index}`));
  for (let index = 0; index < running; index++) {
    await createFromImage(server, `run-${index}`);
    await setState(server, `run-${index}`, 'start');
  }
}

async function empty(server: TestServer, count: number): Promise<void> {
  for (let index = 0; index < running; index++) await stopAndDelete(server, `run-${index}`);
  await concurrently(count, 8, async (index) => await deleteInstance(server, `empty-${index}`));
}

const many = 200;

/** What a list costs when every instance in it runs. */
export const manyRunning: Bench = {
  name: `list of ${many} running, recursion 2`,
  group: 'list-running',
  unit: 'ms',
  repetitions: 3,
  aim: { atMost: 0.2 },
  prepare: async (server) =>
    await concurrently(many, 8, async (index) => {
      await createFromImage(server, `many-${index}`);
      await setState(server, `many-${index}`, 'start');
    }),
  sample: async ({ client }) => await timed(async () => await client.get('/1.0/instances?recursion=2')),
  clean: async (server) => await concurrently(many, 8, async (index) => await stopAndDelete(server, `many-${index}`)),
};

export const list: Bench[] = [...lists(200), ...lists(1000)];
