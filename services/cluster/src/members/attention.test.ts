import { describe, expect, it } from 'vitest';
import { Attention, isOnline } from './attention.js';

const offlineAfterS = 20;

function listening(forMs: number): { attention: Attention; pass: (ms: number) => void; stand: (ms: number) => void } {
  let now = 1_000;
  const attention = new Attention(() => now);
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      now += 1_000;
      attention.look();
    }
  };
  const stand = (ms: number): void => {
    now += ms;
    attention.look();
  };
  pass(forMs);
  return { attention, pass, stand };
}

const silentFor = (age: number, attention: Attention, is_online = true): boolean => !isOnline({ age, is_online }, offlineAfterS, attention);

describe('a member that says nothing', () => {
  it('is offline when this process listened all the while', () => {
    const { attention } = listening(60_000);
    expect(silentFor(19, attention)).toBe(false);
    expect(silentFor(21, attention)).toBe(true);
  });

  it('is not judged for the time that this process stood still', () => {
    const { attention, pass, stand } = listening(60_000);
    stand(180_000);
    expect(silentFor(185, attention)).toBe(false);
    pass(10_000);
    expect(silentFor(195, attention)).toBe(false);
    pass(10_000);
    expect(silentFor(205, attention)).toBe(true);
  });

  it('is not judged for the time in which nothing could be written, and that time counts once', async () => {
    const { attention, pass } = listening(60_000);
    const failing = attention.during(async () => {
      pass(15_000);
      await attention.during(async () => pass(15_000));
      throw new Error('the database is away');
    });
    await expect(failing).rejects.toThrow('away');
    expect(attention.listenedS(40)).toBeCloseTo(10);
    expect(silentFor(40, attention)).toBe(false);
  });

  it('stays what it was while this process has only begun', () => {
    const { attention, pass } = listening(5_000);
    expect(silentFor(3_600, attention)).toBe(false);
    expect(silentFor(3_600, attention, false)).toBe(true);
    pass(20_000);
    expect(silentFor(3_620, attention)).toBe(true);
  });

  it('is online as soon as it is heard of', () => {
    const { attention } = listening(60_000);
    expect(silentFor(1, attention, false)).toBe(false);
  });
});
