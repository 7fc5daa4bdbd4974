import { describe, expect, it } from 'vitest';
import { followed } from './attached-volumes.js';

const moved = { pool: 'default', name: 'v1', new_pool: 'fast', new_name: 'v2' };
const root = { type: 'disk', path: '/', pool: 'default' };

describe('devices of a volume that moved', () => {
  it('name it as it is now, with all their other options', () => {
    expect(followed({ root, data: { type: 'disk', pool: 'default', source: 'v1', path: '/srv', readonly: 'true' } }, moved)).toEqual({
      root,
      data: { type: 'disk', pool: 'fast', source: 'v2', path: '/srv', readonly: 'true' },
    });
  });
  it('are left alone where they name another', () => {
    expect(followed({ root, other: { type: 'disk', pool: 'fast', source: 'v1', path: '/a' }, host: { type: 'disk', source: 'v1', path: '/b' } }, moved)).toBeUndefined();
  });
});
