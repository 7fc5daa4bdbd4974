import { describe, expect, it } from 'vitest';
import { Rounds } from './rounds.js';

describe('rounds', () => {
  it('come again, one at a time, also after one that failed', async () => {
    let under = 0;
    let most = 0;
    let count = 0;
    const rounds = new Rounds('test', 0.005, async () => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setTimeout(resolve, 10));
      under--;
      if (++count === 1) throw new Error('the first one fails');
    });
    rounds.start();
    await Promise.all([rounds.now(), rounds.now()]);
    await expect.poll(() => count).toBeGreaterThan(2);
    await rounds.stop();
    const last = count;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([most, count]).toEqual([1, last]);
  });

  it('do not come by themselves where the interval is nothing', async () => {
    let count = 0;
    const rounds = new Rounds('test', 0, async () => void count++);
    rounds.start();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(count).toBe(0);
    await rounds.now();
    expect(count).toBe(1);
  });
});
