import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../host/fake-host.js';
import { diskLimits, diskRates, withoutThrottle } from './disk-limits.js';

function spec(devices: Record<string, Record<string, string>>): agentInstances.InstanceSpec {
  const specs = Object.entries(devices).map(([name, options]) => [name, { options: { type: 'disk', ...options }, network: undefined, volume_path: '' }]);
  return { volume_path: '/pools/c1', devices: Object.fromEntries(specs) } as agentInstances.InstanceSpec;
}

function host(): FakeHost {
  const fake = new FakeHost();
  const mount = { id: 1, parentId: 0, root: '/', options: [], propagation: [], superOptions: [] };
  fake.mounts.entries.push({ ...mount, device: '254:0', target: '/', type: 'ext4', source: '/dev/vda' }, { ...mount, device: '0:50', target: '/mem', type: 'tmpfs', source: 'tmpfs' });
  fake.files.realpath = async (path) => path;
  return fake;
}

describe('limits of disks', () => {
  it('are bytes or operations, for one direction or both', () => {
    expect(diskRates({ 'limits.read': '10MB', 'limits.write': '20iops' })).toEqual({ readBytes: 10_000_000, readOperations: 0, writeBytes: 0, writeOperations: 20 });
    expect(diskRates({ 'limits.read': '10MB', 'limits.max': '1kB' })).toMatchObject({ readBytes: 1000, writeBytes: 1000 });
    expect(diskRates({})).toBeUndefined();
    expect(() => diskRates({ 'limits.read': 'bogus' })).toThrow('Invalid value: bogus');
  });

  it('are set for the block device below, on average of the disks on it', async () => {
    const devices = { root: { path: '/', pool: 'p', 'limits.read': '10MB' }, d: { source: '/srv', path: '/srv', 'limits.read': '20MB' }, m: { source: '/mem/x', path: '/m', 'limits.read': '1MB' } };
    expect(await diskLimits(host(), spec(devices), 'v1')).toEqual([['blkio.throttle.read_bps_device', '254:0 15000000']]);
    expect(await diskLimits(host(), spec(devices), 'v2')).toEqual([['io.max', '254:0 rbps=15000000 wbps=max riops=max wiops=max']]);
    await expect(diskLimits(host(), spec({ d: { source: '/srv', path: '/srv', 'limits.max': 'x' } }), 'v1')).rejects.toThrow('Failed to start device "d": Invalid value: x');
  });

  it('are taken away device by device', () => {
    expect(withoutThrottle(['blkio.throttle.read_bps_device', '254:0 15000000'])).toEqual(['blkio.throttle.read_bps_device', '254:0 0']);
    expect(withoutThrottle(['io.max', '254:0 rbps=1'])).toEqual(['io.max', '254:0 rbps=max wbps=max riops=max wiops=max']);
  });
});
