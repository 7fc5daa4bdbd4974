import { LxdError } from '@asterism/errors';
import type { IdRange } from '../devices/device.js';

type Kind = 'isUid' | 'isGid';

/** The host's id for a guest's id; the same where nothing is mapped. Throws where the guest has no such id. */
export function toHostId(map: readonly IdRange[], kind: Kind, nsId: number): number {
  const ranges = map.filter((range) => range[kind]);
  if (ranges.length === 0) return nsId;
  const range = ranges.find((candidate) => nsId >= candidate.nsId && nsId < candidate.nsId + candidate.range);
  if (!range) throw new LxdError('bad-request', `Id ${nsId} is not mapped into the instance`);
  return range.hostId + nsId - range.nsId;
}

/** The guest's id for a host's id; "nobody" (65534) where it is not mapped, as the kernel shows it. */
export function toGuestId(map: readonly IdRange[], kind: Kind, hostId: number): number {
  const ranges = map.filter((range) => range[kind]);
  if (ranges.length === 0) return hostId;
  const range = ranges.find((candidate) => hostId >= candidate.hostId && hostId < candidate.hostId + candidate.range);
  return range ? range.nsId + hostId - range.hostId : 65534;
}
