/** Ids from `hostId` on stand for those from `nsId` on. */
export interface IdShift {
  isUid: boolean;
  isGid: boolean;
  hostId: number;
  nsId: number;
  range: number;
}

type IdKind = 'isUid' | 'isGid';

/** How ids on disk change: those that stand for a guest's by `from` are to stand for it by `to`. An empty list: the guest's own ids. */
export interface OwnerChange {
  from: readonly IdShift[];
  to: readonly IdShift[];
}

/** An id that `from` does not know stays as it is for the guest, one that `to` does not know stays on disk: as the reference has it. */
export function shiftedId({ from, to }: OwnerChange, kind: IdKind, id: number): number {
  const known = from.find((range) => range[kind] && id >= range.hostId && id < range.hostId + range.range);
  const inside = known ? id - known.hostId + known.nsId : id;
  const next = to.find((range) => range[kind] && inside >= range.nsId && inside < range.nsId + range.range);
  return next ? inside - next.nsId + next.hostId : inside;
}

const ACL_VERSION = 2;
const aclHeaderBytes = 4;
const aclEntryBytes = 8;
const ACL_USER = 0x02;
const ACL_GROUP = 0x08;

/** system.posix_acl_access or _default with the ids of its entries changed; what is no such list stays. */
export function shiftedAcl(change: OwnerChange, acl: Buffer): Buffer {
  if (acl.length < aclHeaderBytes || acl.readUInt32LE(0) !== ACL_VERSION) return acl;
  const shifted = Buffer.from(acl);
  for (let at = aclHeaderBytes; at + aclEntryBytes <= acl.length; at += aclEntryBytes) {
    const tag = acl.readUInt16LE(at);
    if (tag === ACL_USER || tag === ACL_GROUP) shifted.writeUInt32LE(shiftedId(change, tag === ACL_USER ? 'isUid' : 'isGid', acl.readUInt32LE(at + 4)), at + 4);
  }
  return shifted;
}

const VERSION_MASK = 0xff000000;
const VERSION_2 = 0x02000000;
const VERSION_3 = 0x03000000;
const VERSION_2_BYTES = 20;
const VERSION_3_BYTES = 24;

/** security.capability: the id of the root it holds for changes with the files'. Version 3 names that id, version 2 stands for 0. */
export function shiftedCapability(change: OwnerChange, capability: Buffer): Buffer {
  const magic = capability.length < VERSION_2_BYTES ? 0 : capability.readUInt32LE(0);
  const version = (magic & VERSION_MASK) >>> 0;
  const names = version === VERSION_3 && capability.length >= VERSION_3_BYTES;
  if (!names && version !== VERSION_2) return capability;
  const root = shiftedId(change, 'isUid', names ? capability.readUInt32LE(VERSION_2_BYTES) : 0);
  const shifted = Buffer.alloc(root === 0 ? VERSION_2_BYTES : VERSION_3_BYTES);
  capability.copy(shifted, 0, 0, VERSION_2_BYTES);
  shifted.writeUInt32LE(((magic & ~VERSION_MASK) | (root === 0 ? VERSION_2 : VERSION_3)) >>> 0, 0);
  if (root !== 0) shifted.writeUInt32LE(root, VERSION_2_BYTES);
  return shifted;
}
