import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { DeviceDrivers } from './device-drivers.js';
import type { DeviceDriver, InstanceDevice } from './device.js';

type InstanceSpec = agentInstances.InstanceSpec;

const root = { type: 'disk', path: '/', pool: 'default' };

function instance(devices: Record<string, Record<string, string>>): InstanceSpec {
  const specs = Object.entries(devices).map(([name, options]) => [name, { options, network: undefined, volume_path: '' }]);
  return { devices: Object.fromEntries(specs) as InstanceSpec['devices'], config: {} } as InstanceSpec;
}

class RecordingDriver implements DeviceDriver {
  readonly log: string[] = [];
  constructor(private readonly failing = '') {}
  start = async (device: InstanceDevice) => {
    if (device.name === this.failing) throw new Error(`no ${device.name}`);
    this.log.push(`start ${device.name}`);
    return { nic: [['type', 'phys'] as const], volatile: { host_name: `veth-${device.name}` } };
  };
  stop = async (device: InstanceDevice) => (this.log.push(`stop ${device.name}`), { host_name: '' });
  plug = async (device: InstanceDevice) => (this.log.push(`plug ${device.name}`), { host_name: 'new' });
  unplug = async (device: InstanceDevice) => (this.log.push(`unplug ${device.name}`), { host_name: '' });
  update = async (device: InstanceDevice) => (this.log.push(`update ${device.name}`), {});
  canUpdate = (options: string[]) => options.every((option) => option === 'limits.ingress');
}

const running = { pid: 1, idmap: [] };

describe('the devices of an instance', () => {
  it('start by name, without root disk and nothings', async () => {
    const driver = new RecordingDriver();
    const drivers = new DeviceDrivers(new Map([['nic', driver]]));
    const started = await drivers.start(instance({ eth1: { type: 'nic' }, eth0: { type: 'nic' }, root, gone: { type: 'none' } }), []);
    expect(driver.log).toEqual(['start eth0', 'start eth1']);
    expect(started.nics).toHaveLength(2);
    expect(started.volatile).toEqual({ 'volatile.eth0.host_name': 'veth-eth0', 'volatile.eth1.host_name': 'veth-eth1' });
  });

  it('that started are stopped when a later one fails', async () => {
    const driver = new RecordingDriver('eth1');
    await expect(new DeviceDrivers(new Map([['nic', driver]])).start(instance({ eth0: { type: 'nic' }, eth1: { type: 'nic' } }), [])).rejects.toThrow('no eth1');
    expect(driver.log).toEqual(['start eth0', 'stop eth0']);
  });

  it('of a type that nobody drives are refused', async () => {
    await expect(new DeviceDrivers(new Map()).start(instance({ gpu0: { type: 'gpu' } }), [])).rejects.toThrow('Unsupported device type "gpu"');
  });

  it('change while it runs: gone ones first, changed ones updated where that can be', async () => {
    const driver = new RecordingDriver();
    const drivers = new DeviceDrivers(new Map([['nic', driver]]));
    const before = instance({ eth0: { type: 'nic' }, eth1: { type: 'nic', mtu: '1' }, eth2: { type: 'nic' }, eth3: { type: 'nic' } });
    const after = instance({ eth0: { type: 'nic' }, eth1: { type: 'nic', mtu: '2' }, eth2: { type: 'nic', 'limits.ingress': '1Mbit' }, eth4: { type: 'nic' } });
    const changes = await drivers.change(before, after, running);
    expect(driver.log).toEqual(['unplug eth1', 'unplug eth3', 'plug eth1', 'update eth2', 'plug eth4']);
    expect(changes).toEqual({ 'volatile.eth1.host_name': 'new', 'volatile.eth3.host_name': '', 'volatile.eth4.host_name': 'new' });
  });
});
