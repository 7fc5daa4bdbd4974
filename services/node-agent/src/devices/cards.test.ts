// proves: network_sriov, network_vlan_sriov, infiniband, tpm_device_type
import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import type { InstanceDevice } from './device.js';
import { DeviceNodes } from './device-nodes.js';
import { InfinibandDriver } from './infiniband-driver.js';
import { NicDriver } from './nic.js';
import { TpmDriver } from './tpm-driver.js';

function device(options: Record<string, string>): InstanceDevice {
  const spec = { options, network: undefined, volume_path: '' };
  return { instance: { id: 'i', project: 'default', name: 'c1', config: {}, volume_path: '/pools/c1', devices: { d: spec } } as unknown as agentInstances.InstanceSpec, name: 'd', spec };
}

const idmap = [{ isUid: true, isGid: true, nsId: 0, hostId: 100000, range: 65536 }];
const running = { pid: 42, idmap };

describe('an sriov nic', () => {
  it('is a free function of the card, with the address and VLAN that are asked for', async () => {
    const fake = new FakeHost();
    fake.links.names.add('pf0');
    fake.files.put('/sys/class/net/pf0/device/sriov_totalvfs', '2\n').put('/sys/class/net/pf0/device/sriov_numvfs', '2\n');
    fake.files.put('/sys/class/net/pf0/device/virtfn0/net/vf0/x').put('/sys/class/net/vf0/operstate', 'up\n');
    fake.files.put('/sys/class/net/pf0/device/virtfn1/net/vf1/x').put('/sys/class/net/vf1/operstate', 'down\n');
    const wish = { type: 'nic', nictype: 'sriov', parent: 'pf0', name: 'eth1', hwaddr: '00:16:3e:00:00:01', vlan: '9', 'security.mac_filtering': 'true' };
    const driver = new NicDriver(fake, '/state');
    const { nic, volatile } = await driver.start(device(wish));
    expect(nic).toEqual(expect.arrayContaining([['link', 'vf1'], ['name', 'eth1']]));
    expect(volatile).toEqual({ host_name: 'vf1', 'last_state.vf.id': '1' });
    await driver.stop(device({ ...wish, ...volatile }));
    expect(fake.inputs).toEqual(['link set dev pf0 vf 1 mac 00:16:3e:00:00:01 vlan 9 spoofchk on\n', 'link set dev pf0 vf 1 mac 00:00:00:00:00:00 vlan 0 spoofchk on\n']);
  });

  it('is plugged into a running guest and comes home', async () => {
    const fake = new FakeHost();
    fake.links.names.add('pf0').add('vf0');
    fake.files.put('/sys/class/net/pf0/device/sriov_totalvfs', '1\n').put('/sys/class/net/pf0/device/sriov_numvfs', '1\n');
    fake.files.put('/sys/class/net/pf0/device/virtfn0/net/vf0/x').put('/sys/class/net/vf0/operstate', 'down\n');
    const wish = { type: 'nic', nictype: 'sriov', parent: 'pf0', name: 'eth1' };
    const driver = new NicDriver(fake, '/state');
    const volatile = await driver.plug(device(wish), running);
    expect(volatile).toMatchObject({ host_name: 'vf0', 'last_state.vf.id': '0' });
    expect(fake.inputs.join('')).toContain(`netns ${running.pid}`);
    await driver.unplug(device({ ...wish, ...volatile }), running);
    expect(fake.inputs.join('')).toContain(`netns ${process.pid}`);
  });

  it('is refused while all functions of the parent are taken', async () => {
    const fake = new FakeHost();
    fake.links.names.add('pf0');
    fake.files.put('/sys/class/net/pf0/device/sriov_totalvfs', '1\n').put('/sys/class/net/pf0/device/sriov_numvfs', '1\n');
    fake.files.put('/sys/class/net/pf0/device/virtfn0/net/vf0/x').put('/sys/class/net/vf0/operstate', 'up\n');
    await expect(new NicDriver(fake, '/state').start(device({ type: 'nic', nictype: 'sriov', parent: 'pf0' }))).rejects.toThrow('All virtual functions of sriov device "pf0" seem to be in use');
  });

  it('is refused where the parent has no functions', async () => {
    await expect(new NicDriver(new FakeHost(), '/state').start(device({ type: 'nic', nictype: 'sriov', parent: 'lo' }))).rejects.toThrow('Parent device "lo" doesn\'t support SR-IOV');
  });
});

describe('an infiniband device', () => {
  it('is the link with its nodes', async () => {
    const fake = new FakeHost();
    fake.links.names.add('ib0');
    const card = '/sys/class/net/ib0/device';
    fake.files.put(`${card}/infiniband/mlx0/x`).put(`${card}/infiniband_verbs/uverbs0/dev`, '231:192\n').put(`${card}/infiniband_mad/umad0/dev`, '231:0\n');
    const { nic, lxc } = await new InfinibandDriver(fake, new DeviceNodes(fake, '/state')).start(device({ type: 'infiniband', nictype: 'physical', parent: 'ib0', name: 'ib1' }), [{ isUid: true, isGid: true, nsId: 0, hostId: 100000, range: 9 }]);
    expect(nic).toEqual([['type', 'phys'], ['name', 'ib1'], ['flags', 'up'], ['link', 'ib0']]);
    expect(lxc?.map(([, line]) => line.split(' ')[1])).toEqual(['dev/infiniband/uverbs0', 'dev/infiniband/umad0']);
  });

  it('of kind sriov is a free function of the card', async () => {
    const fake = new FakeHost();
    fake.links.names.add('ib0').add('ibv1');
    const card = '/sys/class/net/ib0/device';
    fake.files.put(`${card}/infiniband/mlx0/x`).put(`${card}/virtfn0/net/ibv0/x`).put(`${card}/virtfn1/net/ibv1/x`);
    fake.files.put('/sys/class/net/ibv0/operstate', 'up\n').put('/sys/class/net/ibv1/operstate', 'down\n').put('/sys/class/net/ibv1/device/infiniband_verbs/uverbs1/dev', '231:193\n');
    const driver = new InfinibandDriver(fake, new DeviceNodes(fake, '/state'));
    const wish = { type: 'infiniband', nictype: 'sriov', parent: 'ib0', name: 'ib1', mtu: '2044' };
    const { nic, lxc, volatile } = await driver.start(device(wish), idmap);
    expect(nic).toContainEqual(['link', 'ibv1']);
    expect(lxc?.map(([, line]) => line.split(' ')[1])).toEqual(['dev/infiniband/uverbs1']);
    expect(volatile).toMatchObject({ host_name: 'ibv1' });
    expect(fake.inputs.join('')).toContain('link set dev ibv1 mtu 2044');
    expect(await driver.stop(device({ ...wish, ...volatile }))).toMatchObject({ host_name: '' });
    fake.files.put('/sys/class/net/ibv1/operstate', 'up\n');
    await expect(driver.start(device(wish), idmap)).rejects.toThrow('All virtual functions of sriov device "ib0" seem to be in use');
  });

  it('is plugged into a running guest and comes home', async () => {
    const fake = new FakeHost();
    fake.links.names.add('ib0');
    fake.files.put('/sys/class/net/ib0/device/infiniband/mlx0/x');
    const driver = new InfinibandDriver(fake, new DeviceNodes(fake, '/state'));
    const wish = { type: 'infiniband', nictype: 'physical', parent: 'ib0', name: 'ib1' };
    const volatile = await driver.plug(device(wish), running);
    expect(fake.inputs.join('')).toContain(`link set dev ib0 netns ${running.pid} name ib1`);
    await driver.unplug(device({ ...wish, ...volatile }), running);
    expect(`${fake.inputs.join('')}${fake.log.join(' ')}`).toContain(`netns ${process.pid} name ib0`);
  });

  it('is refused where there is none', async () => {
    const driver = new InfinibandDriver(new FakeHost(), new DeviceNodes(new FakeHost(), '/state'));
    await expect(driver.start(device({ type: 'infiniband', nictype: 'physical', parent: 'ib0' }), [])).rejects.toThrow("Parent device 'ib0' doesn't exist");
    await expect(driver.start(device({ type: 'infiniband', nictype: 'physical', parent: 'lo' }), [])).rejects.toThrow('Specified infiniband device "lo" not found');
  });
});

describe('a tpm', () => {
  it('is what the emulator says it made, beside the one with a resource manager', async () => {
    const fake = new FakeHost();
    fake.files.put('/usr/bin/swtpm').put('/sys/class/tpmrm/other/dev', '');
    const said = fake.processes.start.bind(fake.processes);
    fake.processes.start = async (argv, options) => {
      fake.files.put(options?.logFile ?? '', 'New TPM device: /dev/tpm3 (major/minor = 252/3)\n');
      setTimeout(() => fake.files.put('/sys/class/tpmrm/tpmrm3/dev', '252:65539\n'), 30);
      return said(argv, options);
    };
    const driver = new TpmDriver(fake, '/state', new DeviceNodes(fake, '/state'));
    const { lxc } = await driver.start(device({ type: 'tpm', path: '/dev/tpm0', pathrm: '/dev/tpmrm0' }), [{ isUid: true, isGid: true, nsId: 0, hostId: 100000, range: 9 }]);
    expect(lxc?.map(([, line]) => line.split(' ')[1])).toEqual(['dev/tpm0', 'dev/tpmrm0']);
    expect(fake.log).toContain('start /usr/bin/swtpm chardev --tpm2 --tpmstate dir=/pools/c1/tpm.d --vtpm-proxy');
    await driver.stop(device({ type: 'tpm' }));
    expect(fake.processes.alive.size).toBe(0);
  });

  it('is refused without an emulator', async () => {
    await expect(new TpmDriver(new FakeHost(), '/state', new DeviceNodes(new FakeHost(), '/state')).start(device({ type: 'tpm' }), [])).rejects.toThrow("Required tool 'swtpm' is missing");
  });
});
