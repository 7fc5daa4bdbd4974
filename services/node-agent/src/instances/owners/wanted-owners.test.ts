import { describe, expect, it } from 'vitest';
import type { IdRange } from '../../devices/device.js';
import { wantedOwners } from './wanted-owners.js';

const idmap: IdRange[] = [{ isUid: true, isGid: false, nsId: 0, hostId: 100_000, range: 65_536 }];
const other: IdRange[] = [{ ...idmap[0]!, hostId: 200_000 }];
const facts = { onDisk: [], idmap, canMap: true, isProtected: false };

describe('the ids of a container’s files', () => {
  it('are shown by its mount where the file system can do that', () => {
    expect(wantedOwners(facts)).toEqual({ idmapped: true });
  });
  it('are shifted on disk where it cannot', () => {
    expect(wantedOwners({ ...facts, canMap: false })).toEqual({ idmapped: false, change: idmap });
  });
  it('stay where they lie right', () => {
    expect(wantedOwners({ ...facts, canMap: false, onDisk: idmap, isProtected: true })).toEqual({ idmapped: false });
    expect(wantedOwners({ ...facts, onDisk: idmap })).toEqual({ idmapped: false });
    expect(wantedOwners({ ...facts, idmap: [] })).toEqual({ idmapped: false });
  });
  it('go from one map to another, to the guest’s own for a privileged one, and back to them where mounts can do it', () => {
    expect(wantedOwners({ ...facts, canMap: false, onDisk: other })).toEqual({ idmapped: false, change: idmap });
    expect(wantedOwners({ ...facts, canMap: false, onDisk: idmap, idmap: [] })).toEqual({ idmapped: false, change: [] });
    expect(wantedOwners({ ...facts, onDisk: other })).toEqual({ idmapped: true, change: [] });
  });
  it('are not touched under protection', () => {
    expect(() => wantedOwners({ ...facts, canMap: false, isProtected: true })).toThrow('Failed to handle idmapped storage: Container is protected against filesystem shifting');
    expect(wantedOwners({ ...facts, isProtected: true })).toEqual({ idmapped: true });
  });
});
