import { lchown, chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readCapability, writeCapability } from './capabilities.js';

/** Ids from `hostId` on stand for those from `nsId` on. */
export interface IdShift {
  isUid: boolean;
  isGid: boolean;
  hostId: number;
  nsId: number;
  range: number;
}

/** Of a tree that nobody else changes meanwhile: device nodes go, but for the character device 0:0 by which overlays hide files. Links are not followed. */
export async function removeDevices(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await removeDevices(child);
    else if (entry.isBlockDevice() || (entry.isCharacterDevice() && (await lstat(child)).rdev !== 0)) await rm(child);
  }
}

/** Gives the tree's files the ids that a guest sees; what lies in no range stays. Modes and file capabilities survive, links are not followed. */
export async function unshiftOwners(path: string, shifts: readonly IdShift[]): Promise<void> {
  const unshifted = (id: number, kind: 'isUid' | 'isGid'): number => {
    const shift = shifts.find((each) => each[kind] && id >= each.hostId && id < each.hostId + each.range);
    return shift ? id - shift.hostId + shift.nsId : id;
  };
  const visit = async (file: string, isDirectory: boolean): Promise<void> => {
    const stat = await lstat(file);
    const [uid, gid] = [unshifted(stat.uid, 'isUid'), unshifted(stat.gid, 'isGid')];
    if (uid !== stat.uid || gid !== stat.gid) {
      const capability = stat.isFile() ? readCapability(file) : undefined;
      await lchown(file, uid, gid);
      if (!stat.isSymbolicLink() && (stat.mode & 0o6000) !== 0) await chmod(file, stat.mode & 0o7777);
      if (capability) writeCapability(file, capability);
    }
    if (!isDirectory) return;
    for (const entry of await readdir(file, { withFileTypes: true })) await visit(join(file, entry.name), entry.isDirectory());
  };
  await visit(path, true);
}
