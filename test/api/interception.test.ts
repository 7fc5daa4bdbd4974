// proves: seccomp_notify, container_syscall_intercept, container_syscall_intercept_mount, container_syscall_intercept_mount_fuse, container_syscall_intercept_bpf_devices
import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exec, launch, scenario } from './scenario.js';

const test = scenario();

const intercept = 'security.syscalls.intercept';

/** The guest has no programs for what is asked of the kernel here, but Node, its libraries and koffi of the host, shown to it. */
const devices = {
  ...Object.fromEntries(['/lib', '/lib64'].filter((path) => existsSync(path)).map((path) => [path.slice(1), { type: 'disk', source: realpathSync(path), path, readonly: 'true' }])),
  node: { type: 'disk', source: dirname(process.execPath), path: '/opt/node', readonly: 'true' },
  modules: { type: 'disk', source: dirname(dirname(fileURLToPath(import.meta.resolve('koffi')))), path: '/opt/node_modules', readonly: 'true' },
};

const inGuest = `
  import koffi from '/opt/node_modules/koffi/index.js';
  import fs from 'node:fs';
  import { getSystemErrorName } from 'node:util';
  const libc = koffi.load('libc.so.6');
  const said = (result) => (Number(result) < 0 ? getSystemErrorName(-koffi.errno()) : 'ok');
  const mknodat = libc.func('int mknodat(int, const char *, unsigned int, unsigned long)');
  const mount = libc.func('int mount(const char *, const char *, const char *, unsigned long, const char *)');
  const umount = (path) => libc.func('int umount2(const char *, int)')(path, 2);
  const setxattr = libc.func('int setxattr(const char *, const char *, const char *, size_t, int)');
`;

/** lxc-attach sometimes loses the descriptor by which its seccomp filter is heard; what it runs is told then that the call does not exist. */
async function execHeard(name: string, command: string[]): Promise<{ code: unknown; stdout: string }> {
  const answer = await exec(test.client, name, ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command]);
  return /ENOSYS|Function not implemented/.test(answer.stdout) ? execHeard(name, command) : answer;
}

/** Runs a script in the guest; answers what it prints. */
async function run(name: string, script: string): Promise<string[]> {
  const { stdout } = await execHeard(name, ['/opt/node/node', '--input-type=module', '-e', inGuest + script]);
  return stdout.split('\n').filter(Boolean);
}

async function mknod(name: string, path: string, device = 'c 1 3'): Promise<unknown> {
  return (await execHeard(name, ['mknod', path, ...device.split(' ')])).code;
}

beforeAll(async () => {
  await launch(test.client, 'c1', { config: { [`${intercept}.mknod`]: 'true', [`${intercept}.setxattr`]: 'true' }, devices });
});

describe('nodes of devices', () => {
  it('are made where they harm nobody, and can be used', async () => {
    await exec(test.client, 'c1', ['sh', '-c', 'rm -rf /root/*']);
    expect(await mknod('c1', '/root/null')).toBe(0);
    expect(await exec(test.client, 'c1', ['sh', '-c', 'echo x > /root/null; stat -c "%t:%T %u:%g %a" /root/null'])).toEqual({ code: 0, stdout: '1:3 0:0 644\n' });
    expect(await mknod('c1', '/root/whiteout', 'c 0 0')).toBe(0);
    expect(await mknod('c1', '/root/mem', 'c 1 1')).toBe(1);
    expect(await mknod('c1', '/root/disk', 'b 8 0')).toBe(1);
    expect(await mknod('c1', '/root/null')).toBe(1);
  });

  it('can be used in a tmpfs of the guest too', async () => {
    expect(await execHeard('c1', ['sh', '-c', 'mknod /dev/zero$$ c 1 5 && head -c 3 /dev/zero$$ | wc -c'])).toEqual({ code: 0, stdout: '3\n' });
  });

  it('are made where the caller stands, as its user', async () => {
    const script = `
      fs.rmSync('/root/jail', { recursive: true, force: true });
      fs.mkdirSync('/root/jail/dev', { recursive: true });
      fs.chownSync('/root/jail/dev', 7, 8);
      const directory = fs.openSync('/root/jail', 'r');
      console.log(said(mknodat(directory, 'dev/below', 0o20666, 0x103)));
      console.log(said(mknodat(999, 'x', 0o20666, 0x103)));
      console.log(said(mknodat(-100, '/root/no/where', 0o20666, 0x103)));
      const chroot = libc.func('int chroot(const char *)');
      process.chdir('/root/jail/dev');
      chroot('/root/jail');
      console.log(said(mknodat(-100, '/dev/absolute', 0o20666, 0x103)), said(mknodat(-100, 'relative', 0o20600, 0x103)), said(mknodat(-100, '../../../../up', 0o20600, 0x103)));
      process.setgid(8); process.setuid(7);
      console.log(said(mknodat(-100, '/dev/unprivileged', 0o20666, 0x103)));
      console.log(fs.readdirSync('/dev').sort().join(' '), fs.existsSync('/up'));`;
    expect(await run('c1', script)).toEqual(['ok', 'EBADF', 'ENOENT', 'ok ok ok', 'EPERM', 'absolute below relative true']);
  });

  it('are not made for those with rights in a user namespace of their own', async () => {
    expect((await execHeard('c1', ['unshare', '-Ur', 'mknod', '/root/nested', 'c', '1', '3'])).code).toBe(1);
  });

  it('follow a change of the key at once', async () => {
    await test.client.change('PATCH', '/1.0/instances/c1', { config: { [`${intercept}.mknod`]: 'false' } });
    expect(await mknod('c1', `/root/a${Date.now()}`)).toBe(1);
    await test.client.change('PATCH', '/1.0/instances/c1', { config: { [`${intercept}.mknod`]: 'true' } });
    expect(await mknod('c1', `/root/a${Date.now()}`)).toBe(0);
  });

  it('are made by another interceptor when one is killed, and while the server is away', async () => {
    const processes = `for p in /proc/[0-9]*; do grep -aq "interceptor/main.js.${test.server.stateDirectory}" $p/cmdline && echo \${p#/proc/}; done`;
    const { stdout } = await test.server.shell(processes);
    await test.server.shell(`kill -9 ${stdout.trim()}`);
    expect(await mknod('c1', `/root/b${Date.now()}`)).toBe(0);
    await test.server.crash();
    await test.server.launch();
    expect(await mknod('c1', `/root/c${Date.now()}`)).toBe(0);
    const again = (await test.server.shell(processes)).stdout;
    await test.server.shell(`kill -9 ${again.trim()}`);
    expect(await mknod('c1', `/root/d${Date.now()}`)).toBe(0);
  });
});

describe('attributes of files', () => {
  it('are set where they hide what an overlay has below', async () => {
    const script = `
      fs.rmSync('/root/opaque', { recursive: true, force: true });
      fs.mkdirSync('/root/opaque');
      console.log(said(setxattr('/root/opaque', 'trusted.overlay.opaque', 'y', 1, 0)), said(setxattr('/root/opaque', 'trusted.overlay.opaque', 'y', 1, 1)));
      console.log(said(setxattr('/root/opaque', 'trusted.overlay.opaque', 'n', 1, 0)), said(setxattr('/root/opaque', 'trusted.other', 'y', 1, 0)));
      console.log(said(setxattr('/root/opaque', 'user.a', 'y', 1, 0)), said(setxattr('/lib', 'trusted.overlay.opaque', 'y', 1, 0)));`;
    expect(await run('c1', script)).toEqual(['ok EEXIST', 'EPERM EPERM', 'ok EROFS']);
  });
});

describe('mounts', () => {
  const loops: string[] = [];
  const loop = async (name: string): Promise<string> => {
    const { stdout } = await test.server.shell(`mkdir -p nodes && { [ -e nodes/disk ] || mknod -m 666 nodes/disk b 7 77; } && truncate -s 8M ${name} && mkfs.ext4 -q -d nodes ${name} && losetup -f --show ${name}`);
    loops.push(stdout.trim());
    return stdout.trim();
  };

  beforeAll(async () => {
    const config = { [`${intercept}.mount`]: 'true', [`${intercept}.mount.allowed`]: 'ext4,hugetlbfs', [`${intercept}.mount.fuse`]: 'xfs=fake' };
    await launch(test.client, 'm1', { config, devices: { ...devices, own: { type: 'unix-block', source: await loop('own.img'), path: '/dev/own' } } });
    await loop('other.img');
  });

  afterAll(async () => {
    await test.client.change('PUT', '/1.0/instances/m1/state', { action: 'stop', force: true });
    for (const device of loops) await test.server.shell(`losetup -d ${device}`);
  });

  it('of allowed types are done from devices of the instance', async () => {
    const script = `
      fs.mkdirSync('/root/m', { recursive: true });
      const tried = (source, type, flags, data) => { const said1 = said(mount(source, '/root/m', type, flags, data)); const shown = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').find((line) => line.includes(' /root/m ')); umount('/root/m'); console.log(said1, shown?.split(' ')[5] ?? ''); };
      tried('/dev/own', 'ext4', 0, '');
      tried('/dev/own', 'ext4', 1 | 2, 'noload');
      tried('/dev/own', 'ext4', 0, 'nonsense=1');
      tried('/dev/own', 'ext4', 0, 'journal_path=/dev/own');
      tried('/dev/own', 'btrfs', 0, '');
      tried('/dev/none', 'ext4', 0, '');
      tried('none', 'tmpfs', 0, '');
      tried('none', 'hugetlbfs', 0, 'uid=5');
      tried('none', 'hugetlbfs', 0, 'uid=999999999');
      tried('/root', 'none', 4096, '');`;
    expect(await run('m1', script)).toEqual(['ok rw,nodev,relatime', 'ok ro,nosuid,nodev,relatime', 'EINVAL ', 'EPERM ', 'EPERM ', 'ENOENT ', 'ok rw,relatime', 'ok rw,nodev,relatime', 'EINVAL ', 'ok rw,relatime,idmapped']);
  });

  it('bring no devices along', async () => {
    const script = `
      fs.mkdirSync('/root/m', { recursive: true });
      const open = () => { try { fs.openSync('/root/m/disk'); return 'open'; } catch (error) { return error.code; } };
      console.log(said(mount('/dev/own', '/root/m', 'ext4', 0, '')), fs.statSync('/root/m/disk').rdev, open());
      console.log(said(mount('none', '/root/m', '', 32 | 4096, '')), open());
      umount('/root/m');`;
    expect(await run('m1', script)).toEqual(['ok 1869 EACCES', 'ok EPERM']);
  });

  it('show ids as the guest has them where that is asked, at once', async () => {
    const script = `
      fs.mkdirSync('/root/m', { recursive: true });
      console.log(said(mount('/dev/own', '/root/m', 'ext4', 0, '')), fs.statSync('/root/m').uid);
      umount('/root/m');`;
    expect(await run('m1', script)).toEqual(['ok 65534']);
    await test.client.change('PATCH', '/1.0/instances/m1', { config: { [`${intercept}.mount.shift`]: 'true' } });
    expect(await run('m1', script)).toEqual(['ok 0']);
  });

  it('of types of programs are done by mount.fuse of the guest, inside', async () => {
    await exec(test.client, 'm1', ['sh', '-c', 'printf "#!/bin/sh\necho \\$@ \\$(id -u) \\$(cut -d: -f3 /proc/self/cgroup | sort -u) > /root/asked\n" > /sbin/mount.fuse; chmod 755 /sbin/mount.fuse']);
    expect(await run('m1', `console.log(said(mount('/dev/own', '/root', 'xfs', 1, 'a=b')), fs.readFileSync('/root/asked', 'utf8').trim());`)).toEqual(['ok fake#/dev/own /root -o a=b,ro 0 /']);
  });
});

describe('programs that decide on devices', () => {
  const program = `
    const syscall = libc.func('syscall', 'long', ['long', 'int', 'void *', 'uint']);
    const number = process.arch === 'arm64' ? 280 : 321;
    const bpf = (command, attr) => Number(syscall(number, command, attr, attr.length));
    const code = Buffer.from('b700000000000000' + '9500000000000000', 'hex'); // nothing is allowed
    const license = Buffer.from('GPL\\0');
    const load = (type) => {
      const attr = Buffer.alloc(72);
      attr.writeUInt32LE(type, 0);
      attr.writeUInt32LE(2, 4);
      attr.writeBigUInt64LE(BigInt(koffi.address(code)), 8);
      attr.writeBigUInt64LE(BigInt(koffi.address(license)), 16);
      return bpf(5, attr);
    };
    const attach = (command, group, fd, flags) => {
      const attr = Buffer.alloc(20);
      [fs.openSync(group, 'r'), fd, 6, flags].forEach((word, index) => attr.writeUInt32LE(word, index * 4));
      return said(bpf(command, attr));
    };
    fs.mkdirSync('/root/groups', { recursive: true });
    mount('none', '/root/groups', 'cgroup2', 0, '');
    fs.mkdirSync('/root/groups/below', { recursive: true });
  `;

  it('are loaded, and attached below the group of the container', async () => {
    await launch(test.client, 'b1', { config: { [`${intercept}.bpf`]: 'true', [`${intercept}.bpf.devices`]: 'true' }, devices });
    const script = `${program}
      const fd = load(15);
      console.log(said(fd), fs.readlinkSync('/proc/self/fd/' + fd));
      console.log(said(load(1)), said(load(8)));
      console.log(attach(8, '/root/groups', fd, 2), attach(8, '/root/groups/below', fd, 2), attach(8, '/root/groups/below', 0, 2));
      const read = () => { try { fs.closeSync(fs.openSync('/dev/null')); return 'open'; } catch (error) { return error.code; } };
      fs.writeFileSync('/root/groups/below/cgroup.procs', '0');
      console.log(read(), attach(9, '/root/groups/below', fd, 0), read());`;
    expect(await run('b1', script)).toEqual(['ok anon_inode:bpf-prog', 'EPERM EPERM', 'EPERM ok EINVAL', 'EPERM ok open']);
  });

  it('are not where that is not asked', async () => {
    await test.client.change('PATCH', '/1.0/instances/b1', { config: { [`${intercept}.bpf.devices`]: 'false' } });
    expect(await run('b1', `${program} console.log(said(load(15)));`)).toEqual(['EPERM']);
    await test.client.change('PUT', '/1.0/instances/b1/state', { action: 'stop', force: true });
  });
});
