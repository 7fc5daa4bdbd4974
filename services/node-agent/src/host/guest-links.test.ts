import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAtLeast, readGuestLinks } from './guest-links.js';
import { linuxHost } from './linux-host.js';

const host = linuxHost();
let guest: ChildProcess;

beforeAll(async () => {
  const script = 'ip link set lo up; ip link add d0 type bridge; ip link set d0 mtu 1400 address 02:00:00:00:00:07; ip addr add 192.0.2.7/28 dev d0; ip addr add 2001:db8::7/64 dev d0 nodad; echo ready; exec sleep 60';
  guest = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(guest.stdout!, 'data');
});
afterAll(async () => {
  guest.kill();
  await host.guests.close();
});

describe('the interfaces of a guest', () => {
  it('are read with addresses and counters, also of one that is down, and the thread comes back', () => {
    const before = Object.keys(networkInterfaces());
    const links = readGuestLinks(guest.pid!);
    expect(links.map(({ name }) => name).sort()).toEqual(['d0', 'lo']);
    expect(links.find(({ name }) => name === 'd0')).toMatchObject({
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

  it('are the same from a thread of its own, as where the kernel makes readers wait', async () => {
    const { GuestThreads } = await import('./guest-threads.js');
    const threads = new GuestThreads();
    expect(await threads.ask('links', { pid: guest.pid! })).toEqual(readGuestLinks(guest.pid!));
    await threads.close();
  });

  it('of a process that is gone are an error', async () => {
    await expect(host.guests.ask('links', { pid: 2 ** 22 })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the kernel’s version', () => {
  it('is compared by numbers', () => {
    expect(['6.10.0', '6.18.44-generic', '7.0'].map((kernel) => isAtLeast(kernel, [6, 10]))).toEqual([true, true, true]);
    expect(['6.1.0-28-amd64', '6.9.12', '5.15'].map((kernel) => isAtLeast(kernel, [6, 10]))).toEqual([false, false, false]);
  });
});
