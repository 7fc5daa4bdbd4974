/** A range of an instance's ids on the host. */
export interface IdRange {
  isUid: boolean;
  isGid: boolean;
  hostId: number;
  nsId: number;
  range: number;
}

/** Whether a file is one of the instance's, by its owners as the host sees them through the instance's mounts. */
export function belongsInside(idmap: readonly IdRange[], { uid, gid }: { uid: number; gid: number }): boolean {
  const isMapped = (id: number, kind: 'isUid' | 'isGid'): boolean => idmap.some((range) => range[kind] && id >= range.hostId && id < range.hostId + range.range);
  return isMapped(uid, 'isUid') && isMapped(gid, 'isGid');
}
