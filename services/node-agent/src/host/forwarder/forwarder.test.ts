import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { parseProxyAddress, type ProxyAddress } from '@asterism/config-keys';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Forwarder } from './forwarder.js';
import type { Place, Proxy } from './proxy.js';
import { proxyHeader } from './proxy-header.js';

const directory = mkdtempSync('/tmp/asterism-forwarder-');
const forwarder = new Forwarder();
const servers: Server[] = [];
let guest: ChildProcess;
let place: Place;

beforeAll(async () => {
  guest = spawn('unshare', ['--net', '--mount', 'sh', '-c', 'ip link set lo up; echo ready; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => guest.stdout!.once('data', resolve));
  const stat = readFileSync(`/proc/${guest.pid}/stat`, 'latin1');
  place = { pid: guest.pid!, startTime: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) };
});

afterEach(() => {
  for (const key of ['a', 'b']) forwarder.close(key);
  for (const server of servers.splice(0)) server.close();
});

afterAll(() => {
  guest.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

const root = { uid: 0, gid: 0 };

function proxy(listen: string, target: string, change: { key?: string; listenAt?: Place; connectAt?: Place; proxyHeader?: boolean } = {}): Proxy {
  const { key = 'a', listenAt = 'host', connectAt = 'host', proxyHeader: header = false } = change;
  return {
    key,
    listen: { at: listenAt, address: parseProxyAddress(listen) as ProxyAddress, owner: { uid: 7, gid: 8, mode: 0o640 } },
    connect: { at: connectAt, address: parseProxyAddress(target) as ProxyAddress, as: root },
    proxyHeader: header,
  };
}

/** Answers everything a client says, once that ended its side. */
async function echo(path: string): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

async function say(path: string, text: string): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(text);
  let heard = '';
  for await (const piece of socket) heard += String(piece);
  return heard;
}

describe('the forwarder', () => {
  it('passes streams on, each side ending on its own', async () => {
    await echo(`${directory}/server`);
    forwarder.open(proxy(`unix:${directory}/s`, `unix:${directory}/server`));
    const long = 'x'.repeat(1_000_000);
    expect(await say(`${directory}/s`, long)).toBe(long);
  });

  it('makes a socket of its owner and mode', () => {
    forwarder.open(proxy(`unix:${directory}/owned`, 'tcp:127.0.0.1:1'));
    const { uid, gid, mode } = lstatSync(`${directory}/owned`);
    expect([uid, gid, mode & 0o777]).toEqual([7, 8, 0o640]);
  });

  it('says first who is calling', async () => {
    await echo(`${directory}/server2`);
    forwarder.open(proxy(`unix:${directory}/s2`, `unix:${directory}/server2`, { proxyHeader: true }));
    expect(await say(`${directory}/s2`, 'hi')).toBe('PROXY UNKNOWN\r\nhi');
  });

  it('reaches into the network of an instance, and listens there', async () => {
    await echo(`${directory}/server3`);
    forwarder.open(proxy('tcp:127.0.0.1:4711', `unix:${directory}/server3`, { listenAt: place }));
    forwarder.open(proxy(`unix:${directory}/s3`, 'tcp:127.0.0.1:4711', { key: 'b', connectAt: place }));
    expect(await say(`${directory}/s3`, 'through both')).toBe('through both');
  });

  it('passes datagrams on', async () => {
    const server = createSocket('udp4', (message, from) => server.send(message, from.port, from.address));
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    const free = createSocket('udp4');
    await new Promise<void>((resolve) => free.bind(0, '127.0.0.1', resolve));
    const port = free.address().port;
    free.close();
    forwarder.open(proxy(`udp:127.0.0.1:${port}`, `udp:127.0.0.1:${server.address().port}`));
    const client = createSocket('udp4');
    const heard = new Promise<string>((resolve) => client.once('message', (message) => resolve(message.toString())));
    client.send('ping', port, '127.0.0.1');
    expect(await heard).toBe('ping');
    client.close();
    server.close();
  });

  it('says why it cannot listen, and keeps nothing open then', () => {
    expect(() => forwarder.open(proxy('unix:/nope/s', 'tcp:127.0.0.1:1'))).toThrow('Failed to listen on /nope/s: listen unix /nope/s: bind: no such file or directory');
    expect(() => forwarder.open(proxy('tcp:203.0.113.9:80', 'tcp:127.0.0.1:1'))).toThrow('listen tcp 203.0.113.9:80: bind: cannot assign requested address');
    expect(() => forwarder.open(proxy('tcp:127.0.0.1:70000', 'tcp:127.0.0.1:1'))).toThrow('address 70000: invalid port');
    expect(() => forwarder.open(proxy('udp:127.0.0.1:4711', 'tcp:127.0.0.1:1'))).toThrow('Proxying from udp to non-udp protocol is not supported');
    expect(forwarder.isIdle).toBe(true);
  });

  it('does not enter a process that took the place of an instance', () => {
    const stranger = { pid: process.pid, startTime: 1 };
    expect(() => forwarder.open(proxy('tcp:127.0.0.1:4711', 'tcp:127.0.0.1:1', { listenAt: stranger }))).toThrow('The instance is not running');
  });
});

describe('the header of the PROXY protocol', () => {
  it('names both ends of the connection', () => {
    expect(proxyHeader({ remoteAddress: '10.0.0.1', remotePort: 5, localAddress: '10.0.0.2', localPort: 80 })).toBe('PROXY TCP4 10.0.0.1 10.0.0.2 5 80\r\n');
    expect(proxyHeader({ remoteAddress: '::ffff:10.0.0.1', remotePort: 5, localAddress: '::ffff:10.0.0.2', localPort: 80 })).toBe('PROXY TCP4 10.0.0.1 10.0.0.2 5 80\r\n');
    expect(proxyHeader({ remoteAddress: '::1', remotePort: 5, localAddress: '::1', localPort: 80 })).toBe('PROXY TCP6 ::1 ::1 5 80\r\n');
  });
});
