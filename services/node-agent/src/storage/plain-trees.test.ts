import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { jailed } from '../images/jail.js';
import { copyTree } from './plain-trees.js';

const host = linuxHost();
let place: string;
let from: string;
let to: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'asterism-trees-'));
  [from, to] = [join(place, 'from'), join(place, 'to')];
  await mkdir(from);
  await mkdir(to);
});
afterEach(() => rm(place, { recursive: true }));

describe('a copy of a tree', () => {
  it.each([true, false])('has its device nodes, holes and extended attributes (still: %s)', async (still) => {
    execFileSync('mknod', [join(from, 'null'), 'c', '1', '3']);
    execFileSync('mkfifo', [join(from, 'fifo')]);
    execFileSync('truncate', ['-s', '10M', join(from, 'sparse')]);
    await writeFile(join(from, 'file'), 'x');
    execFileSync('setfattr', ['-n', 'trusted.kept', '-v', 'yes', join(from, 'file')]);
    await copyTree(host, from, to, { still });
    expect((await stat(join(to, 'null'))).isCharacterDevice()).toBe(true);
    expect((await stat(join(to, 'fifo'))).isFIFO()).toBe(true);
    expect((await stat(join(to, 'sparse'))).blocks).toBe(0);
    expect(execFileSync('getfattr', ['--absolute-names', '-n', 'trusted.kept', '--only-values', join(to, 'file')], { encoding: 'utf8' })).toBe('yes');
  });

  it('is made by programs that cannot follow a guest’s symlink out of the tree', async () => {
    await writeFile(join(place, 'secret'), 'of the host');
    await symlink(join(place, 'secret'), join(from, 'link'));
    const jail = { source: from, target: to, copies: true } as const;
    await expect(host.exec(await jailed(host, jail, ['cat', '/source/link']))).rejects.toThrow('No such file or directory');
    await expect(host.exec(await jailed(host, jail, ['touch', '/source/new']))).rejects.toThrow('Read-only file system');
    await copyTree(host, from, to, { still: false });
    expect(await readlink(join(to, 'link'))).toBe(join(place, 'secret'));
  });
});
