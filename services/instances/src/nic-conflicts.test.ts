import { describe, expect, it } from 'vitest';
import { nicConflict } from './nic-conflicts.js';

const nic = (options: Record<string, string>) => ({ type: 'nic', ...options });
const owner = { name: 'c1', config: {} };
const managed = (name: string): boolean => name === 'lxdbr0';
const beside = (added: Record<string, Record<string, string>>, all = added, others: { name: string; options: Record<string, string> }[] = []) =>
  nicConflict(added, { owner, all, managed, others: others.map(({ name, options }) => ({ name, config: {}, expanded_devices: { eth0: nic(options) } })) })?.reason;

describe('a nic on a managed network', () => {
  it('is alone there with the name of its instance', () => {
    const eth1 = nic({ nictype: 'bridged', parent: 'lxdbr0' });
    expect(beside({ eth1 }, { eth0: nic({ network: 'lxdbr0' }), eth1 })).toBe('Instance DNS name "c1" already used on network');
    expect(beside({ eth1 }, { eth0: nic({ network: 'other' }), eth1 })).toBeUndefined();
  });

  it('has addresses of its own', () => {
    const eth0 = nic({ network: 'lxdbr0', hwaddr: '00:16:3E:00:00:01', 'ipv4.address': '10.0.0.2' });
    expect(beside({ eth0 }, { eth0 }, [{ name: 'c2', options: { network: 'lxdbr0', hwaddr: '00:16:3e:00:00:01' } }])).toBe('MAC address "00:16:3e:00:00:01" already defined on another NIC');
    expect(beside({ eth0 }, { eth0 }, [{ name: 'c2', options: { network: 'lxdbr0', 'ipv4.address': '10.0.0.2' } }])).toBe('IP address "10.0.0.2" already defined on another NIC');
    expect(beside({ eth0 }, { eth0 }, [{ name: 'c2', options: { network: 'other', 'ipv4.address': '10.0.0.2' } }])).toBeUndefined();
  });

  it('does not mind bridges of the host', () => {
    const eth1 = nic({ nictype: 'bridged', parent: 'br0' });
    expect(beside({ eth1 }, { eth0: eth1, eth1 })).toBeUndefined();
  });
});
