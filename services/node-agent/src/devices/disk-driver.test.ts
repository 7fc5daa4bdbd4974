// proves: container_disk_shift, container_disk_ceph
import { describe, expect, it } from 'vitest';
import type { agentInstances } from '@asterism/proto';
import { FakeHost } from '../host/fake-host.js';
import type { InstanceDevice, RunningInstance } from './device.js';
import { DiskDriver } from './disk-driver.js';

async function disk(options: Record<string, string>, facts: { volume?: string; privileged?: boolean } = {}): Promise<{ driver: DiskDriver; device: InstanceDevice; host: FakeHost }> {
  const host = new FakeHost();
  for (const path of ['/srv/data', '/pools/custom/default_v1']) await host.files.mkdir(path);
  await host.files.write('/srv/file', '');
  const instance = { project: 'default', name: 'c1', config: facts.privileged ? { 'security.privileged': 'true' } : {} } as unknown as agentInstances.InstanceSpec;
  const spec = { options: { type: 'disk', ...options }, network: undefined, volume_path: facts.volume ?? '' } as agentInstances.DeviceSpec;
  return { driver: new DiskDriver(host, '/state'), device: { instance, name: 'd1', spec }, host };
}

async function line(options: Record<string, string>, facts?: Parameters<typeof disk>[1]): Promise<string | undefined> {
  const { driver, device } = await disk(options, facts);
  return (await driver.start(device)).lxc?.[0]?.[1];
}

describe('a disk', () => {
  it('is bound from the host with the host’s ids', async () => {
    expect(await line({ source: '/srv/data', path: '/mnt/my data' })).toBe('/srv/data mnt/my\\040data none bind,create=dir 0 0');
    expect(await line({ source: '/srv/file', path: '/etc/file', readonly: 'true' })).toBe('/srv/file etc/file none bind,ro,create=file 0 0');
    expect(await line({ source: '/srv/data', path: '/d', recursive: 'true', propagation: 'rslave' })).toBe('/srv/data d none rbind,rslave,create=dir 0 0');
  });
  it('shows the guest’s ids when shifted, and always for a volume, unless the guest has the host’s', async () => {
    expect(await line({ source: '/srv/data', path: '/d', shift: 'true' })).toBe('/srv/data d none bind,create=dir,idmap=container 0 0');
    const volume = { source: 'v1', pool: 'default', path: '/d' };
    expect(await line(volume, { volume: '/pools/custom/default_v1' })).toBe('/state/devices/c1/disk.d1 d none bind,create=dir,idmap=container 0 0');
    expect(await line(volume, { volume: '/pools/custom/default_v1', privileged: true })).toBe('/pools/custom/default_v1 d none bind,create=dir 0 0');
  });
  it('does not leave the guest’s root', async () => {
    expect(await line({ source: '/srv/data', path: '/../../m3' })).toBe('/srv/data m3 none bind,create=dir 0 0');
  });
  it('is owed unless it need not be there', async () => {
    await expect(line({ source: '/nope', path: '/d' })).rejects.toThrow('Missing source path "/nope" for disk "d1"');
    expect(await line({ source: '/nope', path: '/d', required: 'false' })).toBeUndefined();
    expect(await line({ source: '/nope', path: '/d', optional: 'true' })).toBeUndefined();
    await expect(line({ source: 'relative', path: '/d' })).rejects.toThrow('Source path must be absolute for local sources');
  });
  it('of a block device is mounted on the host first, with its own options', async () => {
    const { driver, device, host } = await disk({ source: '/dev/vdb', path: '/d', 'raw.mount.options': 'noexec,discard,ro' });
    host.answer('blkid', { stdout: 'ext4\n' });
    host.files.nodes.set('/dev/vdb', { kind: 'block', major: 254, minor: 16 });
    const mounted: unknown[] = [];
    host.mounts.mount = async (...request: unknown[]) => void mounted.push(request);
    expect((await driver.start(device)).lxc?.[0]?.[1]).toBe('/state/devices/c1/disk.d1 d none bind,create=dir 0 0');
    expect(mounted).toEqual([['/dev/vdb', '/state/devices/c1/disk.d1', 'ext4', { flags: ['noexec', 'rdonly'], data: 'discard' }]]);
    await driver.stop(device);
    expect(await host.files.exists('/state/devices/c1/disk.d1')).toBe(false);
  });
  it('is refused with a propagation or a limit that is none, and as a seed for cloud-init', async () => {
    await expect(line({ source: '/srv/data', path: '/d', propagation: 'bogus' })).rejects.toThrow('Invalid propagation mode "bogus"');
    await expect(line({ source: '/srv/data', path: '/d', 'limits.read': 'bogus' })).rejects.toThrow('Invalid value: bogus');
    await expect(line({ source: 'cloud-init:config' })).rejects.toThrow('disks with source=cloud-init:config are only supported by virtual machines');
  });
  it('comes and goes while the guest runs', async () => {
    const { driver, device, host } = await disk({ source: '/srv/data', path: '/mnt', readonly: 'true' });
    const asked: unknown[] = [];
    host.guests.ask = async (...request: unknown[]) => void asked.push(request) as never;
    const running: RunningInstance = { pid: 42, idmap: [] };
    await driver.plug(device, running);
    await driver.unplug(device, running);
    expect(asked).toEqual([
      ['mount', { pid: 42, source: '/srv/data', target: '/mnt', readonly: true, recursive: false, idmapped: false, propagation: '' }],
      ['unmount', { pid: 42, target: '/mnt' }],
    ]);
  });
});

describe('a disk on Ceph', () => {
  it('is an image that is mapped, mounted and bound, and let go of again', async () => {
    const { driver, device, host } = await disk({ source: 'ceph:pool/image', path: '/d', 'ceph.user_name': 'me' });
    host.answer('rbd --id me --cluster ceph --pool pool map image', { stdout: '/dev/rbd0\n' }).answer('blkid', { stdout: 'ext4\n' });
    await host.files.mkdir('/dev');
    await host.files.makeNode('/dev/rbd0', { kind: 'block', major: 252, minor: 0 }, { mode: 0o660, uid: 0, gid: 0 });
    const started = await driver.start(device);
    expect(started).toEqual({ lxc: [['lxc.mount.entry', '/state/devices/c1/disk.d1 d none bind,create=dir 0 0']], volatile: { ceph_rbd: '/dev/rbd0' } });
    expect(host.log).toContain('mount -t ext4 /dev/rbd0 /state/devices/c1/disk.d1');
    expect(await driver.stop(device)).toEqual({ ceph_rbd: '' });
    expect(host.log.slice(-2)).toEqual(['umount /state/devices/c1/disk.d1', 'rbd unmap /dev/rbd0']);
    host.answer('blkid', { code: 2 });
    await expect(driver.start(device)).rejects.toThrow('No file system was found');
    expect(host.log.at(-1)).toBe('rbd unmap /dev/rbd0');
    expect(await driver.stop({ ...device, spec: { ...device.spec, options: { ...device.spec.options, ceph_rbd: '/dev/rbd0' } } })).toEqual({ ceph_rbd: '' });
  });

  it('is a path of a file system, by the monitors and the key of the cluster', async () => {
    const { driver, device, host } = await disk({ source: 'cephfs:fs/a/b', path: '/d', 'ceph.cluster_name': 'big' });
    await host.files.mkdir('/etc/ceph');
    await host.files.write('/etc/ceph/big.conf', '[global]\nmon host = 10.0.0.1, [v2:10.0.0.2:3300,v1:10.0.0.2:6790]\n');
    await host.files.write('/etc/ceph/big.client.admin.keyring', '[client.admin]\n\tkey = c2VjcmV0==\n');
    await driver.start(device);
    expect(host.log).toContain('mount -t ceph -o name=admin,secret=c2VjcmV0==,mds_namespace=fs 10.0.0.1:6789,10.0.0.2:6790:/a/b /state/devices/c1/disk.d1');
    await driver.stop(device);
    expect(host.log.at(-1)).toBe('umount /state/devices/c1/disk.d1');
  });

  it('says what is missing, and takes no words for commands', async () => {
    await expect(line({ source: 'cephfs:fs/p', path: '/d' })).rejects.toThrow('Failed to open "/etc/ceph/ceph.conf": open /etc/ceph/ceph.conf: no such file or directory');
    const { driver, device, host } = await disk({ source: 'ceph:pool/image', path: '/d' });
    host.answer('rbd', { code: 2, stderr: 'no such pool' });
    await expect(driver.start(device)).rejects.toThrow('Failed mapping Ceph RBD volume: ');
    for (const source of ['ceph:pool', 'ceph:pool/', 'ceph:/image', 'cephfs:', 'ceph:--x/y', 'ceph:pool/--image', 'cephfs:fs/a,secret=x']) await expect(line({ source, path: '/d' })).rejects.toThrow('on Ceph');
    await expect(line({ source: 'ceph:p/i', path: '/d', 'ceph.user_name': '../x/y' })).rejects.toThrow('on Ceph');
  });
});
