import { describe, expect, it } from 'vitest';
import { Heartbeats } from './heartbeats.js';
import type { Beat } from './member.store.js';

const beat = (name: string): Beat => ({ name, address: '', architecture: '', environment: {} as Beat['environment'] });

describe('heartbeats', () => {
  it('that come while others are written are written together', async () => {
    const batches: string[][] = [];
    const heartbeats = new Heartbeats(async (beats) => {
      batches.push(beats.map(({ name }) => name));
      await Promise.resolve();
      return beats.map(({ name }) => (name === 'stranger' ? undefined : { name, is_online: true }));
    });
    const seen = await Promise.all(['m1', 'm2', 'stranger', 'm3'].map((name) => heartbeats.beat(beat(name))));
    expect(seen.map((each) => each?.name)).toEqual(['m1', 'm2', undefined, 'm3']);
    expect(batches).toEqual([['m1'], ['m2', 'stranger', 'm3']]);
  });

  it('that fail do not hold those that follow', async () => {
    let fails = true;
    const heartbeats = new Heartbeats(async (beats) => {
      if (fails) throw new Error('away');
      return beats.map(({ name }) => ({ name, is_online: true }));
    });
    await expect(heartbeats.beat(beat('m1'))).rejects.toThrow('away');
    fails = false;
    expect((await heartbeats.beat(beat('m1')))?.name).toBe('m1');
  });
});
