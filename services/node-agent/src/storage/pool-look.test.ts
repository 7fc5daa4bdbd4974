import { describe, expect, it } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import { Layout } from './layout.js';
import { isMountedThere, lookAfterPool } from './pool-look.js';

const layout = new Layout('/state');
const path = '/state/storage-pools/p';
const dir = { name: 'p', driver: 'dir', config: {} };
const btrfs = { name: 'p', driver: 'btrfs', config: { source: '/dev/x' } };
const cannot = { mountPool: async () => Promise.reject(new Error('no such device')) };

describe('a pool that is looked after', () => {
  it('is told with what lies in it', async () => {
    const host = new FakeHost();
    for (const made of ['containers/c1', 'containers-snapshots/c1/s0', 'custom/default_v']) await host.files.mkdir(`${path}/${made}`);
    expect(await lookAfterPool(host, layout, dir, cannot)).toEqual({
      name: 'p',
      problem: '',
      volumes: [
        { type: 'container', name: 'c1', snapshots: ['s0'] },
        { type: 'custom', name: 'default_v', snapshots: [] },
      ],
    });
  });

  it('is not made where nothing of it is', async () => {
    const host = new FakeHost();
    expect(await lookAfterPool(host, layout, dir, cannot)).toMatchObject({ problem: `Nothing of the pool is at ${path}` });
    expect(await host.files.exists(path)).toBe(false);
    expect(await lookAfterPool(host, layout, btrfs, cannot)).toMatchObject({ problem: 'no such device' });
  });

  it('is a mount unless it is a directory of ours', () => {
    expect([dir, { ...dir, config: { source: path } }, { ...dir, config: { source: '/srv' } }, btrfs].map((pool) => isMountedThere(pool, path))).toEqual([false, false, true, true]);
  });
});
