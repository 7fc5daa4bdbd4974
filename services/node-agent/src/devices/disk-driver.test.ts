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
