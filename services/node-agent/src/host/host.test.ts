import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cgroupLayout } from './cgroups.js';
import { FakeHost } from './fake-host.js';
import { linuxHost } from './linux-host.js';
import { parseMountinfo } from './mounts.js';

const host = linuxHost();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(`${tmpdir()}/asterism-host-`);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('commands', () => {
  it('answer their output', async () => {
    expect(await host.exec(['cat'], { input: 'hello' })).toEqual({ stdout: 'hello', stderr: '', code: 0 });
  });
  it('fail with the words of the command', async () => {
    await expect(host.exec(['cat', '/nowhere'])).rejects.toThrow(/\/nowhere: No such file/);
  });
  it('end at their deadline', async () => {
    await expect(host.exec(['sleep', '10'], { timeoutMs: 30 })).rejects.toThrow('timed out after 30 ms');
  });
  it('say when there is no such command', async () => {
    await expect(host.exec(['no-such-command'])).rejects.toThrow('executable file not found');
    await expect(host.spawn(['no-such-command']).succeeded()).rejects.toThrow('executable file not found');
  });
  it('stream in both directions', async () => {
    const child = host.spawn(['tr', 'a-z', 'A-Z']);
    child.stdin.end('abc');
    let text = '';
    for await (const chunk of child.stdout) text += String(chunk);
    expect(text).toBe('ABC');
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });
});

describe('files', () => {
  it('are written with their mode, and leave no temporary behind', async () => {
    await host.files.write(`${directory}/a`, 'one', { mode: 0o640 });
    await host.files.write(`${directory}/a`, 'two', { mode: 0o644 });
    expect(await host.files.readText(`${directory}/a`)).toBe('two');
    expect(await host.files.stat(`${directory}/a`)).toMatchObject({ kind: 'file', mode: 0o644, size: 3 });
    expect(await host.files.readdir(directory)).toEqual(['a']);
  });
  it('that do not exist have no stat', async () => {
    expect(await host.files.stat(`${directory}/none/at/all`)).toBeUndefined();
  });
  it('replace a symlink that is there', async () => {
    await host.files.symlink('x', `${directory}/link`);
    await host.files.symlink('y', `${directory}/link`);
    expect(await host.files.readlink(`${directory}/link`)).toBe('y');
  });
  it('that a crash left of a symlink are gone when it is made again', async () => {
    const home = `${directory}/home`;
    await host.files.mkdir(home);
    for (const left of [`${home}/.link.tmp`, `${directory}/b.tmp`]) await host.files.symlink('x', left);
    await host.files.symlink('home', `${directory}/a`, home);
    await host.files.symlink('x', `${directory}/b`);
    await host.files.symlink('y', `${directory}/b`);
    expect(await host.files.readdir(home)).toEqual([]);
    expect(await host.files.readdir(directory)).toEqual(['a', 'b', 'home']);
    expect([await host.files.readlink(`${directory}/a`), await host.files.readlink(`${directory}/b`)]).toEqual(['home', 'y']);
  });
});

describe('mounts', () => {
  it('are read from mountinfo with optional fields and escapes', () => {
    const [entry] = parseMountinfo('36 35 98:0 /mnt1 /mnt\\0402 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n');
    expect(entry).toMatchObject({ id: 36, target: '/mnt 2', root: '/mnt1', propagation: ['shared:1', 'master:2'], type: 'ext3', superOptions: ['rw', 'errors=continue'] });
  });
  it('bind, refuse writes when read-only, and go away with their tree', async () => {
    await host.files.mkdir(`${directory}/source`);
    await host.files.mkdir(`${directory}/target`);
    await host.mounts.bind(`${directory}/source`, `${directory}/target`, { readonly: true });
    expect(await host.mounts.isMounted(`${directory}/target`)).toBe(true);
    await expect(host.files.write(`${directory}/target/file`, 'x')).rejects.toThrow('EROFS');
    await host.mounts.unmountTree(directory);
    expect(await host.mounts.isMounted(`${directory}/target`)).toBe(false);
  });
  it('say which call failed', async () => {
    await expect(host.mounts.bind(`${directory}/none`, directory)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'mount' });
  });
});

describe('cgroups', () => {
  it('know a hybrid host from a v2 one', () => {
    const v1 = '31 1 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n';
    const v2 = '41 1 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n';
    expect(cgroupLayout(parseMountinfo(v1 + v2))).toEqual({
      version: 'hybrid',
      trees: { cpu: '/sys/fs/cgroup/cpu,cpuacct', cpuacct: '/sys/fs/cgroup/cpu,cpuacct', unified: '/sys/fs/cgroup/unified' },
    });
    expect(cgroupLayout(parseMountinfo(v2)).version).toBe('v2');
    expect(cgroupLayout(parseMountinfo(v1)).version).toBe('v1');
  });
});

describe('processes', () => {
  it('start in a cgroup of their own and are found again by pid and start time', async () => {
    const group = `/asterism-test-${process.pid}`;
    const handle = await host.processes.start(['sh', '-c', 'echo begun; exec sleep 60'], { cgroup: group, logFile: `${directory}/log` });
    try {
      expect(host.processes.isAlive(handle)).toBe(true);
      expect(host.processes.isAlive({ ...handle, startTime: handle.startTime - 1 })).toBe(false);
      await expect.poll(() => readFile(`${directory}/log`, 'utf8')).toBe('begun\n');
      expect(await readFile(`/proc/${handle.pid}/cgroup`, 'utf8')).toContain(group);
    } finally {
      await host.processes.stop(handle);
      await host.cgroups.remove(group);
    }
    expect(host.processes.isAlive(handle)).toBe(false);
  });
});

describe('the fake host', () => {
  it('records commands and answers as told', async () => {
    const fake = new FakeHost().answer('btrfs subvolume show', { code: 1, stderr: 'ERROR: not a subvolume' });
    await fake.exec(['btrfs', 'subvolume', 'create', '/a']);
    await expect(fake.exec(['btrfs', 'subvolume', 'show', '/a'])).rejects.toThrow('ERROR: not a subvolume');
    expect(fake.log).toEqual(['btrfs subvolume create /a', 'btrfs subvolume show /a']);
  });
  it('keeps a file tree', async () => {
    const fake = new FakeHost();
    await fake.files.mkdir('/a/b');
    await fake.files.write('/a/b/c', 'text');
    await fake.files.rename('/a/b', '/a/d');
    expect(fake.files.tree('/a')).toEqual({ '/a/': '', '/a/d/': '', '/a/d/c': 'text' });
  });
});
