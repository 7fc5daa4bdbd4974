import { closeSync, fsyncSync, lchownSync, chmodSync, lstatSync, openSync, readdirSync, renameSync, writeSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { attributesOf, readAttribute, writeAttribute } from './extended-attributes.js';
import { shiftedAcl, shiftedCapability, shiftedId, type OwnerChange } from './id-shift.js';
import { hasOwnerBits, linesOf, TreeCursor } from './tree-cursor.js';

/**
 * A change of a tree's owners as it is written down before it begins: for every file what it has and what it is to have, so that after a crash
 * it can be done again from the start, or taken back, whatever of it was done. One line of JSON each, in the order of a walk.
 */
type PlanLine =
  | { head: OwnerChange }
  | { tail: { files: number } }
  | { enter: string; own?: FileChange; sealed?: true }
  | { leave: true }
  | { file: string; own: FileChange };

interface FileChange {
  /** uid, gid. */
  before: [number, number];
  after: [number, number];
  /** With set-user-id and its like, which a change of owner takes away. */
  mode?: number;
  /** Name, before, after; in base64. */
  attributes?: [string, string, string][];
}

const ACCESS_ACL = 'system.posix_acl_access';
const DEFAULT_ACL = 'system.posix_acl_default';
const CAPABILITY = 'security.capability';
const wished = [ACCESS_ACL, DEFAULT_ACL, CAPABILITY];

const bufferedLines = 1000;

/** Walks the tree, which nobody changes meanwhile, and writes the plan; it has its name when it is whole and on disk. Answers how many files change. */
export function writePlan(root: string, change: OwnerChange, planFile: string): number {
  const partial = `${planFile}.tmp`;
  const file = openSync(partial, 'w', 0o600);
  let files = 0;
  let waiting: string[] = [];
  const flush = (): void => {
    if (waiting.length > 0) writeSync(file, Buffer.from(`${waiting.join('\n')}\n`, 'latin1'));
    waiting = [];
  };
  const put = (line: PlanLine): void => {
    waiting.push(JSON.stringify(line));
    if (waiting.length >= bufferedLines) flush();
  };
  try {
    put({ head: change });
    walk(root, change, (line) => {
      if ('own' in line && line.own) files++;
      put(line);
    });
    put({ tail: { files } });
    flush();
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, planFile);
  syncPath(dirname(planFile));
  return files;
}

function walk(root: string, change: OwnerChange, put: (line: PlanLine) => void): void {
  const cursor = new TreeCursor(root);
  const linked = new Set<string>();
  const visit = (name: string): void => {
    const here = cursor.here();
    const subvolume = cursor.isSubvolume();
    const own = changeOf(cursor, '.', here, change);
    put({ enter: name, ...(own ? { own } : {}), ...(subvolume && cursor.isReadonlySubvolume() ? { sealed: true } : {}) });
    for (const child of readdirSync(cursor.path('.'), { encoding: 'latin1' })) {
      const stat = cursor.stat(child);
      if (stat.isDirectory()) {
        cursor.enter(child);
        if (stat.dev === here.dev || cursor.isSubvolume()) visit(child);
        cursor.leave();
        continue;
      }
      if (stat.nlink > 1 && !isFirst(linked, cursor.path(child))) continue;
      const changed = changeOf(cursor, child, stat, change);
      if (changed) put({ file: child, own: changed });
    }
    put({ leave: true });
  };
  try {
    visit('.');
  } finally {
    cursor.close();
  }
}

/** Files with several names change once. The number of one file may need more digits than a double has. */
function isFirst(linked: Set<string>, path: Buffer): boolean {
  const { dev, ino } = lstatSync(path, { bigint: true });
  const key = `${dev}:${ino}`;
  if (linked.has(key)) return false;
  linked.add(key);
  return true;
}

function changeOf(cursor: TreeCursor, name: string, stat: Stats, change: OwnerChange): FileChange | undefined {
  const after: [number, number] = [shiftedId(change, 'isUid', stat.uid), shiftedId(change, 'isGid', stat.gid)];
  const attributes = stat.isSymbolicLink() ? [] : attributeChanges(cursor.path(name, true), change);
  if (after[0] === stat.uid && after[1] === stat.gid && attributes.length === 0) return undefined;
  return { before: [stat.uid, stat.gid], after, ...(hasOwnerBits(stat) ? { mode: stat.mode & 0o7777 } : {}), ...(attributes.length > 0 ? { attributes } : {}) };
}

/** A capability is written again even where it stays: a change of owner takes it away. */
function attributeChanges(path: Buffer, change: OwnerChange): [string, string, string][] {
  return attributesOf(path, wished).map((name) => {
    const before = readAttribute(path, name);
    const after = name === CAPABILITY ? shiftedCapability(change, before) : shiftedAcl(change, before);
    return [name, before.toString('base64'), after.toString('base64')];
  });
}

/** What a plan is for. */
export function readPlan(planFile: string): OwnerChange {
  const file = openSync(planFile, 'r');
  try {
    for (const line of linesOf(file)) return (JSON.parse(line) as { head: OwnerChange }).head;
  } finally {
    closeSync(file);
  }
  throw new Error(`${planFile} is empty`);
}

/** Brings every file of a plan to what it is to have, or back to what it had, whichever of the two it has now. What is synced after it is not on disk before it. */
export function applyPlan(root: string, planFile: string, way: 'forward' | 'back', progress: (files: number) => void = () => undefined): void {
  const file = openSync(planFile, 'r');
  const cursor = new TreeCursor(root);
  const sealed: boolean[] = [];
  let files = 0;
  /** Depth of directories that are not there any more. */
  let lost = 0;
  const settle = (name: string, own: FileChange | undefined): void => {
    if (!own) return;
    settleFile(cursor, name, own, way);
    if (++files % 1000 === 0) progress(files);
  };
  try {
    for (const text of linesOf(file)) {
      const line = JSON.parse(text) as PlanLine;
      if ('enter' in line) {
        requirePlain(line.enter, sealed.length === 0);
        if (lost > 0 || (sealed.length > 0 && !isThere(() => cursor.enter(line.enter)))) {
          lost++;
          continue;
        }
        sealed.push(line.sealed ?? false);
        if (line.sealed) cursor.setReadonlySubvolume(false);
        settle('.', line.own);
      } else if ('leave' in line) {
        if (lost > 0) {
          lost--;
          continue;
        }
        if (sealed.pop()) cursor.setReadonlySubvolume(true);
        if (sealed.length > 0) cursor.leave();
      } else if ('file' in line && lost === 0) {
        requirePlain(line.file, false);
        isThere(() => settle(line.file, line.own));
      }
    }
    cursor.commit();
  } finally {
    cursor.close();
    closeSync(file);
  }
}

function settleFile(cursor: TreeCursor, name: string, own: FileChange, way: 'forward' | 'back'): void {
  const [uid, gid] = way === 'forward' ? own.after : own.before;
  lchownSync(cursor.path(name), uid, gid);
  if (own.mode !== undefined) chmodSync(cursor.path(name), own.mode);
  for (const [attribute, before, after] of own.attributes ?? []) writeAttribute(cursor.path(name, true), attribute, Buffer.from(way === 'forward' ? after : before, 'base64'));
}

/** What went meanwhile needs no owner. */
function isThere(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Plans are the agent's own; one that names anything but an entry of its directory is none of them. */
function requirePlain(name: string, isTop: boolean): void {
  if (isTop ? name !== '.' : name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) throw new Error(`A plan of owners names ${JSON.stringify(name)}`);
}

export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
