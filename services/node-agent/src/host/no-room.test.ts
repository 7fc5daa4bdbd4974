import { expect, it } from 'vitest';
import { isNoRoom } from './no-room.js';

it.each([
  Object.assign(new Error('write'), { code: 'ENOSPC' }),
  new Error('Failed to run: cp -a: exit status 1 (cp: error copying: No space left on device)'),
  new Error('Failed to run: tar -c -f x: exit status 2 (tar: x: Wrote only 2048 of 10240 bytes)'),
])('a full disk is known: %s', (error) => {
  expect(isNoRoom(error)).toBe(true);
});

it('other failures are none', () => {
  expect(isNoRoom(new Error('Permission denied'))).toBe(false);
  expect(isNoRoom('No space left on device')).toBe(false);
});
