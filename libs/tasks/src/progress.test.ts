import { systemCall } from '@asterism/rpc';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { progressOf, progressWords, stageWords } from './progress.js';

const told: { id: string; metadata: unknown }[] = [];
const operations = { update: async (_call: unknown, { id, metadata }: { id: string; metadata: Buffer }) => (told.push({ id, metadata: JSON.parse(metadata.toString()) }), {}) };

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => {
  vi.useRealTimers();
  told.length = 0;
});

describe('the progress of long work', () => {
  it('is told once a second, in words and in numbers', () => {
    const count = progressOf(operations, { ...systemCall(), operation: 'o1' }, stageWords('create_instance_from_image_unpack', 'Unpack'));
    count(500_000);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(2000);
    count(1_500_000);
    count(1);
    const progress = { stage: 'create_instance_from_image_unpack', processed: '2000000', speed: '1000000' };
    expect(told).toEqual([{ id: 'o1', metadata: { progress, create_instance_from_image_unpack_progress: 'Unpack: 2.00MB (1.00MB/s)' } }]);
  });

  it('is nobody’s where no operation is behind the call', () => {
    const count = progressOf(operations, systemCall(), () => ({}));
    vi.advanceTimersByTime(2000);
    count(1);
    expect(told).toEqual([]);
  });

  it('is shown in the unit that fits', () => {
    expect([999, 1000, 54_560_000, 1.5e9].map((bytes) => progressWords(bytes, 0))).toEqual(['999B (0B/s)', '1.00kB (0B/s)', '54.56MB (0B/s)', '1.50GB (0B/s)']);
  });
});
