import { concurrently, timed } from '../bench.js';
import type { Bench } from '../bench.js';
import { createEmpty, createFromImage, deleteInstance, setState, stopAndDelete } from '../instances.js';

const compared: Pick<Bench, 'group' | 'beside' | 'unit' | 'aim'> = { group: 'durability', beside: 'unrecorded', unit: 'ms', aim: { atMost: 1.2 } };

/** What it costs that the steps of operations outlive a crash: the other server is this build with `ASTERISM_UNRECORDED_STEPS`. */
export const durability: Bench[] = [
  {
    name: 'launch and delete, dir, beside unrecorded steps',
    ...compared,
    repetitions: 16,
    warmUps: 4,
    sample: async (server) =>
      await timed(async () => {
        await createFromImage(server, 'durable');
        await setState(server, 'durable', 'start');
        await stopAndDelete(server, 'durable');
      }),
  },
  {
    name: 'create and delete empty, 1 client, beside unrecorded',
    ...compared,
    repetitions: 12,
    warmUps: 6,
    sample: async (server) =>
      await timed(async () => {
        for (let index = 0; index < 12; index++) {
          await createEmpty(server, `d-${index}`);
          await deleteInstance(server, `d-${index}`);
        }
      }),
  },
  {
    name: 'create and delete 48 empty, 8 clients, beside unrecorded',
    ...compared,
    repetitions: 10,
    warmUps: 6,
    sample: async (server) =>
      await timed(async () => {
        await concurrently(48, 8, async (index) => await createEmpty(server, `d-${index}`));
        await concurrently(48, 8, async (index) => await deleteInstance(server, `d-${index}`));
      }),
  },
];
