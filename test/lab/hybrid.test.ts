import { afterAll, beforeAll, describe } from 'vitest';
import { image } from './image/image.js';
import type { Lab } from './lab.js';
import { limitsReadBack } from './limits.js';
import { Machine } from './machine.js';
import { startServer } from './server.js';

/** A machine of its own: which control groups there are is decided at boot. */
describe.each(['hybrid', 'v1'] as const)('limits with control groups of the kind %s', (kind) => {
  let machine: Machine | undefined;
  let lab: Lab | undefined;
  beforeAll(async () => {
    machine = await Machine.boot(image(), kind);
    lab = await startServer(machine);
  });
  afterAll(async () => {
    await machine?.off();
  });

  limitsReadBack(() => lab!, kind);
});
