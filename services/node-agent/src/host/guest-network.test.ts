import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGuestNetwork, type GuestNetwork } from './guest-network.js';

let guest: ChildProcess;
let network: GuestNetwork;

beforeAll(async () => {
  const script = 'ip link set lo up; ip link add d0 type bridge; ip link set d0 mtu 1400 address 02:00:00:00:00:07; ip addr add 192.0.2.7/28 dev d0; ip addr add 2001:db8::7/64 dev d0 nodad; echo ready; exec sleep 60';
  guest = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(guest.stdout!, 'data');
  network = openGuestNetwork(guest.pid!);
});
afterAll(() => {
  network.close();
  guest.kill();
});

function inGuest(...argv: string[]): void {
  execFileSync('nsenter', ['--net', '--target', String(guest.pid), ...argv]);
}

const link = (name: string) => network.links().find((each) => each.name === name);

describe('the network of a guest', () => {
  it('is read with addresses and counters, also of a link that is down, and the thread comes back', () => {
    const before = Object.keys(networkInterfaces());
    expect(network.links().map(({ name }) => name).sort()).toEqual(['d0', 'lo']);
    expect(link('d0')).toMatchObject({
      mtu: 1400,
      hwaddr: '02:00:00:00:00:07',
      addresses: [
        { family: 'inet', address: '192.0.2.7', prefix: 28 },
        { family: 'inet6', address: '2001:db8::7', prefix: 64 },
      ],
      received: { bytes: 0, packets: 0, errors: 0, dropped: 0 },
    });
    expect(Object.keys(networkInterfaces())).toEqual(before);
  });

  it('shows every change at once: traffic, addresses, flags, sizes, names', () => {
    inGuest('bash', '-c', 'echo > /dev/udp/127.0.0.1/9');
    expect(link('lo')!.received.packets).toBeGreaterThan(0);
    inGuest('ip', 'addr', 'add', '198.51.100.1/24', 'dev', 'd0');
    expect(link('d0')!.addresses).toContainEqual({ family: 'inet', address: '198.51.100.1', prefix: 24 });
    inGuest('ip', 'addr', 'del', '198.51.100.1/24', 'dev', 'd0');
    expect(link('d0')!.addresses.map(({ address }) => address)).toEqual(['192.0.2.7', '2001:db8::7']);
    expect(link('d0')!.flags & 1).toBe(0);
    inGuest('ip', 'link', 'set', 'd0', 'up', 'mtu', '1300', 'address', '02:00:00:00:00:08');
    expect(link('d0')).toMatchObject({ mtu: 1300, hwaddr: '02:00:00:00:00:08' });
    expect(link('d0')!.flags & 1).toBe(1);
    inGuest('ip', 'link', 'set', 'd0', 'down');
    inGuest('ip', 'link', 'set', 'd0', 'name', 'd1');
    expect(network.links().map(({ name }) => name).sort()).toEqual(['d1', 'lo']);
    inGuest('ip', 'link', 'set', 'd1', 'name', 'd0');
    expect(link('d0')).toMatchObject({ mtu: 1300 });
  });

  it('is told more than it can keep without missing anything', () => {
    const commands = Array.from({ length: 1500 }, (_, index) => `addr add 10.${Math.floor(index / 250)}.${index % 250}.1/32 dev lo\n`).join('');
    execFileSync('nsenter', ['--net', '--target', String(guest.pid), 'ip', '-batch', '-'], { input: commands });
    expect(link('lo')!.addresses.length).toBeGreaterThanOrEqual(1501);
  });

  it('of a process that is gone is an error', () => {
    expect(() => openGuestNetwork(2 ** 22)).toThrow('ENOENT');
  });
});
