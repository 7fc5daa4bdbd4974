import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { IdRange } from '../../devices/device.js';
import { isOn } from './lxc-config.js';

export interface HostRange {
  hostId: number;
  range: number;
}

/** What the reference takes when the host delegates nothing to root. */
const defaultRange: HostRange = { hostId: 1_000_000, range: 1_000_000_000 };
const isolatedSize = 65_536;

/** Root's first range of at least 65536 ids in /etc/subuid and /etc/subgid, which must agree. */
export function hostRange(subuid: string, subgid: string): HostRange {
  const uids = rootRange(subuid);
  const gids = rootRange(subgid);
  if (!uids || !gids) return defaultRange;
  const hostId = Math.max(uids.hostId, gids.hostId);
  const range = Math.min(uids.hostId + uids.range, gids.hostId + gids.range) - hostId;
  return range >= isolatedSize ? { hostId, range } : defaultRange;
}

function rootRange(text: string): HostRange | undefined {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([user]) => user === 'root' || user === '0')
    .map(([, hostId, range]) => ({ hostId: Number(hostId), range: Number(range) }))
    .find(({ hostId, range }) => hostId > 0 && range >= isolatedSize);
}

/**
 * The id map of a container that starts; empty when it is privileged.
 * @param taken first host ids of the other isolated containers with their sizes
 * @param keptBase what an isolated one had before, which it keeps while nobody else has it
 */
export function containerIdmap(config: Readonly<Record<string, string>>, host: HostRange, taken: readonly HostRange[], keptBase = 0): IdRange[] {
  if (isOn(config, instanceKeys.securityPrivileged.name)) return [];
  const raw = config[instanceKeys.rawIdmap.name] ?? '';
  if (!isOn(config, instanceKeys.securityIdmapIsolated.name)) return withRaw(bothKinds(host), raw);
  const size = Number(config[instanceKeys.securityIdmapSize.name] || isolatedSize);
  const base = config[instanceKeys.securityIdmapBase.name];
  return withRaw(bothKinds({ hostId: base ? Number(base) : isFree({ hostId: keptBase, range: size }, host, taken) ? keptBase : freeBase(size, host, taken), range: size }), raw);
}

/** Lines of raw.idmap ("both 1000 1000", "uid 50-60 500-510": host, then inside) take their ids out of the ranges that hold them. */
function withRaw(idmap: readonly IdRange[], raw: string): IdRange[] {
  let ranges = [...idmap];
  for (const line of raw.split('\n').filter((text) => text.trim() !== '')) {
    const [kind = '', host = '', inside = ''] = line.trim().split(/\s+/);
    const [hostId, nsId, range] = [firstOf(host), firstOf(inside), lastOf(inside) - firstOf(inside) + 1];
    for (const isUid of [true, false]) if (kind === 'both' || (kind === 'uid') === isUid) ranges = placed(ranges, { isUid, isGid: !isUid, nsId, hostId, range });
  }
  return ranges;
}

function placed(ranges: readonly IdRange[], entry: IdRange): IdRange[] {
  const parts = ranges.flatMap((range) => {
    if (range.isUid !== entry.isUid || entry.nsId >= range.nsId + range.range || entry.nsId + entry.range <= range.nsId) return [range];
    const before = { ...range, range: entry.nsId - range.nsId };
    const skipped = entry.nsId + entry.range - range.nsId;
    const after = { ...range, nsId: range.nsId + skipped, hostId: range.hostId + skipped, range: range.range - skipped };
    return [before, entry, after].filter((part) => part.range > 0);
  });
  return parts.includes(entry) ? parts : [...parts, entry];
}

function firstOf(ids: string): number {
  return Number(ids.split('-')[0]);
}

function lastOf(ids: string): number {
  return Number(ids.split('-')[1] ?? ids);
}

function isFree({ hostId, range }: HostRange, host: HostRange, taken: readonly HostRange[]): boolean {
  if (hostId < host.hostId + isolatedSize || hostId + range > host.hostId + host.range) return false;
  return taken.every((other) => hostId + range <= other.hostId || other.hostId + other.range <= hostId);
}

/** What a stopped container keeps of the host's ids; undefined where it has none of its own. */
export function keptRange(config: Readonly<Record<string, string>>): HostRange | undefined {
  const hostId = Number(config[instanceKeys.volatileIdmapBase.name] ?? 0);
  return hostId > 0 ? { hostId, range: Number(config[instanceKeys.securityIdmapSize.name] || isolatedSize) } : undefined;
}

/** The first range is everybody's; isolated ones lie behind it. */
function freeBase(size: number, host: HostRange, taken: readonly HostRange[]): number {
  let base = host.hostId + isolatedSize;
  for (const other of [...taken].sort((a, b) => a.hostId - b.hostId)) {
    if (other.hostId >= base + size) break;
    base = Math.max(base, other.hostId + other.range);
  }
  if (base + size > host.hostId + host.range) throw new LxdError('internal', 'Not enough uid/gid available for the container');
  return base;
}

function bothKinds({ hostId, range }: HostRange): IdRange[] {
  return [
    { isUid: true, isGid: false, nsId: 0, hostId, range },
    { isUid: false, isGid: true, nsId: 0, hostId, range },
  ];
}

/** Whether all ids of a map are the host's to give, as /etc/subuid and /etc/subgid say. */
export function isWithin(idmap: readonly IdRange[], host: HostRange): boolean {
  return idmap.every(({ hostId, range }) => hostId >= host.hostId && hostId + range <= host.hostId + host.range);
}

/** First host id of an isolated container's own range, as volatile.idmap.base has it; 0 for all others. */
export function idmapBase(config: Readonly<Record<string, string>>, idmap: readonly IdRange[]): string {
  const isIsolated = isOn(config, instanceKeys.securityIdmapIsolated.name);
  return String(isIsolated ? (idmap.find((range) => range.isUid && range.nsId === 0)?.hostId ?? 0) : 0);
}

/** As the volatile.*.idmap keys carry it. */
export function idmapJson(idmap: readonly IdRange[]): string {
  return JSON.stringify(idmap.map((range) => ({ Isuid: range.isUid, Isgid: range.isGid, Hostid: range.hostId, Nsid: range.nsId, Maprange: range.range })));
}
