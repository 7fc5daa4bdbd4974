import { describe, expect, it } from 'vitest';
import { cpus } from 'node:os';
import { systemCall } from '@asterism/rpc';
import { linuxHost } from '../host/linux-host.js';
import { hostAddresses } from './environment.js';
import { HostHandler } from './host.handler.js';
import { parseCpuList } from './sysfs.js';

const handler = new HostHandler(linuxHost());
const json = (document: { json: Buffer }) => JSON.parse(document.json.toString()) as Record<string, Record<string, unknown>>;

describe('the host', () => {
  it('counts what the machine is made of', async () => {
    const resources = json(await handler.resources(systemCall(), {}));
    expect(Object.keys(resources)).toEqual(['cpu', 'memory', 'gpu', 'network', 'storage', 'usb', 'pci', 'system']);
    expect(resources['cpu']!['total']).toBe(cpus().length);
    expect(resources['memory']!['total']).toBeGreaterThan(resources['memory']!['used'] as number);
  });

  it('says what it runs', async () => {
    const environment = json(await handler.environment(systemCall(), {}));
    expect(environment).toMatchObject({ driver: 'lxc', kernel: 'Linux', kernel_features: { unpriv_fscaps: 'true' } });
    expect(environment['storage_supported_drivers']).toContainEqual({ Name: 'dir', Version: '1', Remote: false });
  });

  it('names only addresses that others can reach', () => {
    const at = (address: string, internal = false) => ({ address, internal, netmask: '', mac: '', family: 'IPv4' as const, cidr: null });
    expect(hostAddresses({ lo: [at('127.0.0.1', true)], eth0: [at('192.0.2.2'), at('fe80::1'), at('fd00::2')] })).toEqual(['192.0.2.2', 'fd00::2']);
  });
});

it('reads lists of processors', () => {
  expect(parseCpuList('0-2,5')).toEqual([0, 1, 2, 5]);
  expect(parseCpuList('')).toEqual([]);
});
