import { describe, expect, it } from 'vitest';
import { requireUnchanged, untilUnchanged } from './unchanged.js';

describe('a change of what others change too', () => {
  it('is planned anew until it was planned for what is there', async () => {
    const there = { value: 0 };
    const others = [() => (there.value = 1), () => (there.value = 2)];
    const plans: number[] = [];
    await untilUnchanged(async () => {
      const planned = { ...there };
      plans.push(planned.value);
      others.shift()?.();
      requireUnchanged(planned, there);
    });
    expect(plans).toEqual([0, 1, 2]);
  });

  it('fails with its own errors', async () => {
    await expect(untilUnchanged(async () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });
});
