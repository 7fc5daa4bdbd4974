import { describe, expect, it } from 'vitest';
import { groupId } from './group-id.js';

describe('the group of the unix socket', () => {
  it('is looked up by name', async () => {
    expect(await groupId('root')).toBe(0);
    await expect(groupId('nobody-knows')).rejects.toThrow('no group "nobody-knows" on this host');
  });
});
