// proves: usb_devices, usb_optional_vendorid, unix_hotplug_devices, gpu_devices
import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import { HotplugNodes, UsbNodes } from './bus-nodes.js';
import type { InstanceDevice } from './device.js';
import { DeviceNodes } from './device-nodes.js';
import { GpuNodes } from './gpu-nodes.js';
import { NodeDriver } from './node-driver.js';
import { UnixNodes } from './unix-nodes.js';

const idmap = [
  { isUid: true, isGid: false, nsId: 0, hostId: 100000, range: 65536 },
  { isUid: false, isGid: true, nsId: 0, hostId: 100000, range: 65536 },
];
const running = { pid: 42, idmap };
const directory = '/state/devices/c1/unix.d1';

function device(options: Record<string, string>): InstanceDevice {
  const instance = { id: 'id', project: 'default', name: 'c1', config: {} } as unknown as agentInstances.InstanceSpec;
  return { instance, name: 'd1', spec: { options, network: undefined, volume_path: '' } };
}

async function host(): Promise<FakeHost> {
  const fake = new FakeHost();
  await fake.files.mkdir('/dev');
  fake.files.nodes.set('/dev/null', { kind: 'char', major: 1, minor: 3 });
  fake.files.nodes.set('/dev/vda', { kind: 'block', major: 254, minor: 0 });
  return fake;
}

describe('a unix-char device', () => {
  it('is a node on the host that the guest’s ids own, bound into the guest', async () => {
    const fake = await host();
    const driver = new NodeDriver(new DeviceNodes(fake, '/state'), new UnixNodes(fake, 'char'));
    const started = await driver.start(device({ source: '/dev/null', path: '/dev/my', uid: '5', mode: '0600' }), idmap);
    expect(started.lxc).toEqual([['lxc.mount.entry', `${directory}/%2Fdev%2Fmy dev/my none bind,create=file 0 0`]]);
    expect(fake.files.tree(directory)).toEqual({ [`${directory}/`]: '', [`${directory}/%2Fdev%2Fmy`]: 'char 1:3 600 100005:100000' });
  });

  it('of a privileged guest is allowed to it', async () => {
    const fake = await host();
    const driver = new NodeDriver(new DeviceNodes(fake, '/state'), new UnixNodes(fake, 'char'));
    const { lxc } = await driver.start(device({ path: '/dev/null' }), []);
    expect(lxc?.slice(1)).toEqual([['lxc.cgroup.devices.allow', 'c 1:3 rwm'], ['lxc.cgroup2.devices.allow', 'c 1:3 rwm']]);
  });

  it('is refused where the host has none, or one of the other kind', async () => {
    const fake = await host();
    const nodes = new UnixNodes(fake, 'char');
    await expect(nodes.find(device({ source: '/dev/vda' }))).rejects.toThrow('Path specified is not a unix-char device');
    await expect(nodes.find(device({ source: '/dev/nope' }))).rejects.toThrow("The required device path doesn't exist");
    await expect(nodes.find(device({ source: '/dev/null', major: '1' }))).rejects.toThrow('Both major and minor must be supplied for device: /dev/null');
    expect(await nodes.find(device({ source: '/dev/nope', required: 'false' }))).toEqual([]);
    expect(await nodes.find(device({ path: '/dev/x', major: '9', minor: '8' }))).toMatchObject([{ path: '/dev/x', major: 9, minor: 8, mode: 0o660 }]);
  });

  it('that need not be there follows its path while the guest runs', async () => {
    const fake = await host();
    const driver = new NodeDriver(new DeviceNodes(fake, '/state'), new UnixNodes(fake, 'char'));
    const later = device({ source: '/dev/later', required: 'false' });
    expect(driver.follows(later)).toEqual({ path: '/dev/later' });
    await driver.plug(later, running);
    fake.files.nodes.set('/dev/later', { kind: 'char', major: 1, minor: 5 });
    await driver.refresh(later, running);
    await driver.refresh(later, running);
    fake.files.nodes.delete('/dev/later');
    await driver.refresh(later, running);
    expect(fake.log).toEqual([`guest mount ${directory}/%2Fdev%2Flater /dev/later`, 'guest unmount /dev/later']);
  });
});

function usb(fake: FakeHost): void {
  const stick = '/sys/bus/usb/devices/1-2';
  for (const [file, text] of Object.entries({ busnum: '1\n', devnum: '7\n', dev: '189:6\n', idVendor: '0403\n', idProduct: '6001\n' })) fake.files.put(`${stick}/${file}`, text);
}

describe('a usb device', () => {
  it('is every node of that vendor and product, now or later', async () => {
    const fake = await host();
    const nodes = new UsbNodes(fake);
    expect(await nodes.find(device({ vendorid: '0403' }))).toEqual([]);
    await expect(nodes.find(device({ vendorid: '0403', required: 'true' }))).rejects.toThrow('Required USB device not found');
    usb(fake);
    expect(await nodes.find(device({ vendorid: '0403', productid: '6001', gid: '20' }))).toEqual([{ kind: 'char', major: 189, minor: 6, path: '/dev/bus/usb/001/007', mode: 0o660, uid: 0, gid: 20 }]);
    expect(await nodes.find(device({ vendorid: '0404' }))).toEqual([]);
    expect(await nodes.find(device({}))).toHaveLength(1);
    expect(nodes.follows()).toEqual({ uevents: true });
  });
});

describe('a unix-hotplug device', () => {
  it('is every node that hangs on that vendor and product', async () => {
    const fake = await host();
    const line = '/sys/devices/usb1/1-2/tty/ttyUSB0';
    fake.files.put(`${line}/uevent`, 'MAJOR=188\nDEVNAME=ttyUSB0\n').put('/sys/devices/usb1/1-2/idVendor', '0403\n').put('/sys/devices/usb1/1-2/idProduct', '6001\n');
    await fake.files.mkdir('/sys/dev/char');
    await fake.files.symlink(line, '/sys/dev/char/188:0');
    fake.files.realpath = async (path) => (path === '/sys/dev/char/188:0' ? line : path);
    const nodes = new HotplugNodes(fake);
    expect(await nodes.find(device({ vendorid: '0403', productid: '6001' }))).toMatchObject([{ path: '/dev/ttyUSB0', major: 188, minor: 0 }]);
    await expect(nodes.find(device({ vendorid: '1234', required: 'true' }))).rejects.toThrow('Required Unix Hotplug device not found');
  });
});

describe('a gpu', () => {
  it('is the nodes of the cards that are chosen', async () => {
    const fake = await host();
    fake.files.put('/sys/class/drm/card0/device/vendor', '0x8086\n').put('/sys/class/drm/card0/device/device', '0x1234\n').put('/sys/class/drm/card0/dev', '226:0\n').put('/sys/class/drm/renderD128/dev', '226:128\n');
    for (const name of ['card0', 'renderD128']) fake.files.put(`/sys/class/drm/card0/device/drm/${name}/x`);
    const nodes = new GpuNodes(fake);
    expect((await nodes.find(device({ vendorid: '8086', id: '0' }))).map(({ path, minor }) => [path, minor])).toEqual([['/dev/dri/card0', 0], ['/dev/dri/renderD128', 128]]);
    await expect(nodes.find(device({ id: '1' }))).rejects.toThrow('Failed to detect requested GPU device');
  });

  it('is started, stopped, plugged into a running guest and pulled out', async () => {
    const fake = await host();
    fake.files.put('/sys/class/drm/card0/device/vendor', '0x8086\n').put('/sys/class/drm/card0/device/drm/card0/x').put('/sys/class/drm/card0/dev', '226:0\n');
    const driver = new NodeDriver(new DeviceNodes(fake, '/state'), new GpuNodes(fake));
    const { lxc } = await driver.start(device({ type: 'gpu', gputype: 'physical', gid: '44' }), idmap);
    expect(lxc).toEqual([['lxc.mount.entry', `${directory}/%2Fdev%2Fdri%2Fcard0 dev/dri/card0 none bind,create=file 0 0`]]);
    await driver.stop(device({ type: 'gpu' }));
    expect(fake.files.tree(directory)).toEqual({});
    await driver.plug(device({ type: 'gpu' }), running);
    expect(Object.keys(fake.files.tree(directory))).toContain(`${directory}/%2Fdev%2Fdri%2Fcard0`);
    await driver.unplug(device({ type: 'gpu' }), running);
    expect(fake.files.tree(directory)).toEqual({});
  });

  it('of NVIDIA comes with what its driver made for it, and for all', async () => {
    const fake = await host();
    const device0 = '/sys/class/drm/card0/device';
    fake.files.put(`${device0}/vendor`, '0x10de\n').put(`${device0}/drm/card0/x`).put('/sys/class/drm/card0/dev', '226:0\n');
    fake.files.realpath = async (path) => (path === device0 ? '/sys/devices/pci0000:00/0000:01:00.0' : path);
    fake.files.put('/proc/driver/nvidia/gpus/0000:01:00.0/information', 'Model: \t\t A card\nDevice Minor: \t 1\n');
    for (const [minor, name] of [[255, 'nvidiactl'], [0, 'nvidia0'], [1, 'nvidia1']] as const) fake.files.put(`/dev/${name}`, '').nodes.set(`/dev/${name}`, { kind: 'char', major: 195, minor });
    expect((await new GpuNodes(fake).find(device({ vendorid: '10de' }))).map(({ path }) => path).sort()).toEqual(['/dev/dri/card0', '/dev/nvidia1', '/dev/nvidiactl']);
  });

  it('that is cut in pieces is refused with its reason', async () => {
    const nodes = new GpuNodes(await host());
    const mig = device({ type: 'gpu', gputype: 'mig', 'mig.uuid': 'x' });
    await expect(nodes.find(mig)).rejects.toThrow('nvidia.runtime must be set to true for MIG GPUs to work');
    mig.instance.config['nvidia.runtime'] = 'true';
    await expect(nodes.find(mig)).rejects.toThrow('MIG devices need the container toolkit of NVIDIA');
  });
});
