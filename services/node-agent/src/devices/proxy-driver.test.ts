import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import type { InstanceDevice } from './device.js';
import { ProxyDriver } from './proxy-driver.js';
import { natTarget, proxyNatScript } from './proxy-nat.js';

const idmap = [
  { isUid: true, isGid: false, nsId: 0, hostId: 100000, range: 65536 },
  { isUid: false, isGid: true, nsId: 0, hostId: 100000, range: 65536 },
];

function device(options: Record<string, string>, nic: Record<string, string> = {}): InstanceDevice {
  const spec = { options, network: undefined, volume_path: '' };
  const instance = { id: 'i', devices: { p: spec, eth0: { options: { type: 'nic', ...nic }, network: undefined, volume_path: '' } } } as unknown as agentInstances.InstanceSpec;
  return { instance, name: 'p', spec };
}

async function opened(options: Record<string, string>) {
  const host = new FakeHost();
  const init = await host.processes.start(['init']);
  await new ProxyDriver(host, '/state').attend(device(options), { pid: init.pid, idmap });
  return { proxy: host.proxies.get('i/p'), place: { pid: init.pid, startTime: 1 } };
}

describe('a proxy device', () => {
  it('listens on the host and connects inside, as the instance’s own user', async () => {
    const { proxy, place } = await opened({ listen: 'unix:/run/x', connect: 'tcp:127.0.0.1:80', uid: '5', mode: '0600', 'security.uid': '1000' });
    expect(proxy).toMatchObject({ listen: { at: 'host', owner: { uid: 5, gid: 0, mode: 0o600 } }, connect: { at: place, as: { uid: 101000, gid: 100000 } }, proxyHeader: false });
  });

  it('bound to the instance does the reverse', async () => {
    const { proxy, place } = await opened({ listen: 'unix:/run/x', connect: 'tcp:127.0.0.1:80', uid: '5', bind: 'instance', 'security.uid': '1000' });
    expect(proxy).toMatchObject({ listen: { at: place, owner: { uid: 100005, gid: 100000, mode: 0o644 } }, connect: { at: 'host', as: { uid: 1000, gid: 0 } } });
  });

  it('by NAT leads to an address that a nic is tied to', () => {
    const nic = { 'ipv4.address': '10.1.1.5' };
    expect(natTarget(device({ connect: 'tcp:0.0.0.0:80' }, nic))).toBe('10.1.1.5');
    expect(() => natTarget(device({ connect: 'tcp:10.1.1.6:80' }, nic))).toThrow('Connect IP "10.1.1.6" must be one of the instance\'s static IPv4 addresses');
    expect(() => natTarget(device({ connect: 'tcp:0.0.0.0:80' }))).toThrow('Instance has no static IPv4 address assigned to be used as the connect IP');
  });

  it('by NAT redirects each port, for the host and for the instance itself', () => {
    const script = proxyNatScript('i/p', { listen: { protocol: 'tcp', address: '10.0.0.1', ports: [80, 81] }, connect: { protocol: 'tcp', address: '10.1.1.5', ports: [8080] } });
    expect(script).toContain('ip daddr 10.0.0.1 tcp dport 81 dnat ip to 10.1.1.5:8080\n');
    expect(script).toContain('ip saddr 10.1.1.5 ip daddr 10.1.1.5 tcp dport 8080 masquerade\n');
  });
});
