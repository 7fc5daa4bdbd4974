import { openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Descriptors } from './intercepted-call.js';
import { Threads } from './threads.js';

/** Answers, hangs for good as a guest may have it, or ends, as the message says. */
const thread = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { closeSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ message, descriptors }) => {
      const asked = Buffer.from(message).toString();
      if (asked === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
      if (asked === 'end') process.exit();
      for (const fd of Object.values(descriptors)) closeSync(fd);
      parentPort.postMessage({ value: 7 });
    });`)}`,
);

const descriptors = (): Descriptors => ({ directory: openSync('/proc', 'r'), memory: openSync('/dev/null', 'r'), listener: openSync('/dev/null', 'r') });

describe('the threads that handle calls', () => {
  it('answer one guest while another hangs, and the one that hangs not at all', async () => {
    const threads = new Threads('/nowhere', thread, 2000);
    const hanging = threads.handle('a', Buffer.from('hang'), descriptors());
    expect(await threads.handle('a', Buffer.from('more'), descriptors())).toBe('continue');
    expect(await threads.handle('b', Buffer.from('ask'), descriptors())).toEqual({ value: 7 });
    expect(await hanging).toBe('continue');
    // Its deadline is over, its thread still hangs: it gets no second one.
    expect(await threads.handle('a', Buffer.from('more'), descriptors())).toBe('continue');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await threads.handle('a', Buffer.from('ask'), descriptors())).toEqual({ value: 7 });
  }, 30_000);

  it('are replaced when one ends', async () => {
    const threads = new Threads('/nowhere', thread);
    expect(await threads.handle('a', Buffer.from('end'), descriptors())).toBe('continue');
    expect(await threads.handle('a', Buffer.from('ask'), descriptors())).toEqual({ value: 7 });
  });
});
