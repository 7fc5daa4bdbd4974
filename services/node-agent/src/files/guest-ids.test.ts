import { describe, expect, it } from 'vitest';
import type { IdRange } from '../devices/device.js';
import { toGuestId, toHostId } from './guest-ids.js';

const map: IdRange[] = [
  { isUid: true, isGid: false, nsId: 0, hostId: 1_000_000, range: 1000 },
  { isUid: true, isGid: false, nsId: 1000, hostId: 500, range: 1 },
  { isUid: false, isGid: true, nsId: 0, hostId: 2_000_000, range: 65_536 },
];

describe('ids of a guest', () => {
  it('go to the host through the range that holds them', () => {
    expect(toHostId(map, 'isUid', 5)).toBe(1_000_005);
    expect(toHostId(map, 'isUid', 1000)).toBe(500);
    expect(toHostId(map, 'isGid', 1000)).toBe(2_001_000);
  });

  it('come back the same way, strangers as nobody', () => {
    expect(toGuestId(map, 'isUid', 1_000_005)).toBe(5);
    expect(toGuestId(map, 'isUid', 0)).toBe(65_534);
  });

  it('are refused where the guest has none', () => {
    expect(() => toHostId(map, 'isUid', 1001)).toThrow('Id 1001 is not mapped');
  });

  it('stay what they are without a map', () => {
    expect(toHostId([], 'isUid', 33)).toBe(33);
    expect(toGuestId([], 'isGid', 33)).toBe(33);
  });
});
