// proves: id_map, id_map_base
import { describe, expect, it } from 'vitest';
import { containerIdmap, hostRange, idmapJson, isWithin } from './idmap.js';

const host = { hostId: 100_000, range: 1_000_000 };

describe('the range of the host', () => {
  it("is root's in both files", () => {
    expect(hostRange('lxd:1:2\nroot:100000:10000001\n', 'root:100000:10000001\n')).toEqual({ hostId: 100_000, range: 10_000_001 });
    expect(hostRange('root:100000:200000\n', 'root:150000:200000\n')).toEqual({ hostId: 150_000, range: 150_000 });
  });
  it('is the default where root has none, or one too small', () => {
    expect(hostRange('', '')).toEqual({ hostId: 1_000_000, range: 1_000_000_000 });
    expect(hostRange('root:100000:100\n', 'root:100000:100\n')).toEqual({ hostId: 1_000_000, range: 1_000_000_000 });
  });
});

describe('the id map of a container', () => {
  it('is none for a privileged one, and the shared range by default', () => {
    expect(containerIdmap({ 'security.privileged': 'true' }, host, [])).toEqual([]);
    expect(containerIdmap({}, host, [])[0]).toEqual({ isUid: true, isGid: false, nsId: 0, hostId: 100_000, range: 1_000_000 });
  });
  it('of an isolated one lies behind the first range, in the first hole', () => {
    const isolated = { 'security.idmap.isolated': 'true' };
    expect(containerIdmap(isolated, host, [])[1]).toMatchObject({ isGid: true, hostId: 165_536, range: 65_536 });
    const taken = [{ hostId: 165_536, range: 65_536 }, { hostId: 165_536 + 3 * 65_536, range: 65_536 }];
    expect(containerIdmap(isolated, host, taken)[0]).toMatchObject({ hostId: 165_536 + 65_536 });
    expect(() => containerIdmap({ ...isolated, 'security.idmap.size': '2000000' }, host, [])).toThrow('Not enough uid/gid');
  });
  it('may name a base that the host does not give', () => {
    const isolated = { 'security.idmap.isolated': 'true' };
    expect(isWithin(containerIdmap(isolated, host, []), host)).toBe(true);
    expect(isWithin(containerIdmap({ ...isolated, 'security.idmap.base': '5000' }, host, []), host)).toBe(false);
  });
  it('gives single ids of the host where raw.idmap says so', () => {
    const uids = containerIdmap({ 'raw.idmap': 'both 1000 1000\ngid 50-51 5-6\n' }, host, []).filter((range) => range.isUid);
    expect(uids.map(({ nsId, hostId, range }) => [nsId, hostId, range])).toEqual([[0, 100_000, 1000], [1000, 1000, 1], [1001, 101_001, 998_999]]);
    const gids = containerIdmap({ 'raw.idmap': 'both 0 0\ngid 50-51 5-6\n' }, host, []).filter((range) => range.isGid);
    expect(gids.map(({ nsId, hostId, range }) => [nsId, hostId, range])).toEqual([[0, 0, 1], [1, 100_001, 4], [5, 50, 2], [7, 100_007, 999_993]]);
  });
  it('is written as the volatile keys have it', () => {
    expect(idmapJson([{ isUid: true, isGid: false, nsId: 0, hostId: 5, range: 6 }])).toBe('[{"Isuid":true,"Isgid":false,"Hostid":5,"Nsid":0,"Maprange":6}]');
  });
});
