import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, lchownSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attributesOf, readAttribute, writeAttribute } from './extended-attributes.js';
import { shiftedAcl, shiftedCapability, shiftedId, type IdShift } from './id-shift.js';
import { applyPlan, readPlan, writePlan } from './owner-plan.js';
import { hostOwners } from './owners.js';

const both = (nsId: number, hostId: number, range: number): IdShift[] => [
  { isUid: true, isGid: false, nsId, hostId, range },
  { isUid: false, isGid: true, nsId, hostId, range },
];
const shifted = both(0, 100_000, 65_536);

describe('ids on disk', () => {
  it('are the guest’s plus where its range begins, and back', () => {
    expect(shiftedId({ from: [], to: shifted }, 'isUid', 1000)).toBe(101_000);
    expect(shiftedId({ from: shifted, to: [] }, 'isGid', 101_000)).toBe(1000);
  });
  it('go from one range to another, also where those overlap', () => {
    expect(shiftedId({ from: shifted, to: both(0, 100_500, 65_536) }, 'isUid', 100_600)).toBe(101_100);
  });
  it('stay where no range has them', () => {
    expect(shiftedId({ from: [], to: shifted }, 'isUid', 70_000)).toBe(70_000);
    expect(shiftedId({ from: shifted, to: [] }, 'isUid', 5)).toBe(5);
  });
  it('follow raw.idmap for single ones', () => {
    const raw = [...both(0, 100_000, 1000), ...both(1000, 1000, 1), ...both(1001, 101_001, 64_535)];
    expect([999, 1000, 1001].map((id) => shiftedId({ from: [], to: raw }, 'isUid', id))).toEqual([100_999, 1000, 101_001]);
  });
});

describe('what files carry beside their owner', () => {
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  it('is a capability that names its root in a user namespace, and none for root itself', () => {
    const named = shiftedCapability({ from: [], to: shifted }, capability);
    expect(named.toString('hex')).toBe('0100000300200000000000000000000000000000a0860100');
    expect(shiftedCapability({ from: shifted, to: [] }, named)).toEqual(capability);
    expect(shiftedCapability({ from: shifted, to: both(0, 200_000, 65_536) }, named).readUInt32LE(20)).toBe(200_000);
  });
  it('is an ACL with users and groups, whose other entries stay', () => {
    const acl = Buffer.from('02000000' + '01000600ffffffff' + '02000600e8030000' + '04000400ffffffff' + '0800040064000000' + '10000600ffffffff' + '20000400ffffffff', 'hex');
    const next = shiftedAcl({ from: [], to: shifted }, acl);
    expect([next.readUInt32LE(4 + 8 + 4), next.readUInt32LE(4 + 3 * 8 + 4), next.readUInt32LE(8)]).toEqual([101_000, 100_100, 0xffff_ffff]);
    expect(shiftedAcl({ from: shifted, to: [] }, next)).toEqual(acl);
    expect(shiftedAcl({ from: [], to: shifted }, Buffer.from('03000000', 'hex'))).toEqual(Buffer.from('03000000', 'hex'));
  });
});

describe('the owners of a tree', () => {
  let directory: string;
  let root: string;
  let plan: string;
  const outside = (): string => join(directory, 'outside');
  const inside = (name: string): string => join(root, name);
  const owner = (path: string): string => {
    const { uid, gid } = lstatSync(path);
    return `${uid}:${gid}`;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'owners-'));
    root = join(directory, 'root');
    plan = join(directory, 'plan');
    mkdirSync(inside('etc/sub'), { recursive: true });
    writeFileSync(outside(), 'host');
    writeFileSync(inside('etc/passwd'), 'x');
    linkSync(inside('etc/passwd'), inside('etc/sub/passwd-'));
    writeFileSync(inside('etc/sub/su'), 'x');
    chownSync(inside('etc/sub/su'), 5, 6);
    chmodSync(inside('etc/sub/su'), 0o6755);
    symlinkSync(outside(), inside('etc/away'));
    symlinkSync(directory, inside('etc/up'));
    lchownSync(inside('etc/away'), 7, 8);
    execFileSync('bash', ['-c', `printf x > ${root}/$'caf\\xe9'`]);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('change with modes, once for files of two names, and no link is followed', () => {
    expect(writePlan(root, { from: [], to: shifted }, plan)).toBe(8);
    expect(owner(inside('etc/passwd'))).toBe('0:0');
    applyPlan(root, plan, 'forward');
    expect(owner(root)).toBe('100000:100000');
    expect(owner(inside('etc/passwd'))).toBe('100000:100000');
    expect(owner(inside('etc/sub/su'))).toBe('100005:100006');
    expect(lstatSync(inside('etc/sub/su')).mode & 0o7777).toBe(0o6755);
    expect(owner(inside('etc/away'))).toBe('100007:100008');
    expect(owner(outside())).toBe('0:0');
    expect(owner(directory)).toBe('0:0');
    expect(execFileSync('bash', ['-c', `stat -c %u ${root}/$'caf\\xe9'`]).toString()).toBe('100000\n');
  });

  it('change with capabilities and ACLs', () => {
    const path = Buffer.from(`${inside('etc/passwd')}\0`);
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    writeAttribute(path, 'security.capability', capability);
    expect(attributesOf(path, ['security.capability'])).toEqual(['security.capability']);
    writePlan(root, { from: [], to: shifted }, plan);
    applyPlan(root, plan, 'forward');
    expect(readAttribute(path, 'security.capability').readUInt32LE(20)).toBe(100_000);
    applyPlan(root, plan, 'back');
    expect(readAttribute(path, 'security.capability')).toEqual(capability);
  });

  it('are the same however often a plan is done, and after a part of it was', () => {
    writePlan(root, { from: [], to: both(0, 1, 65_536) }, plan); // a range over the ids that are there: what was done cannot be told by looking
    lchownSync(inside('etc/sub/su'), 6, 7);
    applyPlan(root, plan, 'forward');
    applyPlan(root, plan, 'forward');
    expect([owner(root), owner(inside('etc/sub/su')), owner(inside('etc/away'))]).toEqual(['1:1', '6:7', '8:9']);
    applyPlan(root, plan, 'back');
    expect([owner(root), owner(inside('etc/sub/su')), owner(inside('etc/away'))]).toEqual(['0:0', '5:6', '7:8']);
  });

  it('stay where a directory became a link after the plan', () => {
    writePlan(root, { from: [], to: shifted }, plan);
    rmSync(inside('etc'), { recursive: true });
    mkdirSync(join(directory, 'elsewhere'));
    writeFileSync(join(directory, 'elsewhere/passwd'), 'x');
    symlinkSync(join(directory, 'elsewhere'), inside('etc'));
    applyPlan(root, plan, 'forward');
    expect(owner(join(directory, 'elsewhere/passwd'))).toBe('0:0');
  });

  it('are not changed by a plan that names what is elsewhere', () => {
    writeFileSync(plan, [{ head: { from: [], to: [] } }, { enter: '.' }, { file: '../outside', own: { before: [0, 0], after: [1, 1] } }].map((line) => JSON.stringify(line)).join('\n'));
    expect(() => applyPlan(root, plan, 'forward')).toThrow('names "../outside"');
    expect(owner(outside())).toBe('0:0');
  });

  it('change in a thread, and a plan says what it is for', async () => {
    const owners = hostOwners();
    const change = { from: [], to: shifted };
    await owners.change(root, change, plan);
    expect([owner(root), readPlan(plan)]).toEqual(['100000:100000', change]);
    await owners.apply(root, plan, 'back');
    expect([owner(root), readFileSync(outside(), 'utf8')]).toEqual(['0:0', 'host']);
    await expect(owners.change(join(directory, 'nowhere'), change, join(directory, 'other'))).rejects.toThrow('ENOENT');
    expect(existsSync(join(directory, 'other'))).toBe(false);
  });
});
