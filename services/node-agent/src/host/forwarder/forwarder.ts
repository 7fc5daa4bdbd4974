import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import type { ProxyAddress } from '@asterism/config-keys';
import { setFileOwner } from '../syscalls.js';
import type { Place, Proxy } from './proxy.js';
import { proxyHeader } from './proxy-header.js';
import { familyOf, isAnyAddress, socketAddress } from './socket-address.js';
import { as, boundSocket, connectedSocket, inside, plainSocket, withMode } from './system.js';

/** A listening socket and what came in over it. */
interface Open {
  close(): void;
}

const udpIdleMs = 60_000;

/** Forwards for the proxy devices of a host; between two places, one side of which may be inside an instance. */
export class Forwarder {
  readonly #open = new Map<string, { proxy: string; sockets: Open[] }>();

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  /** Listens on every port of the proxy, or on none. One that is open already stays; one that became another is replaced. */
  open(proxy: Proxy): void {
    const text = JSON.stringify(proxy);
    if (this.#open.get(proxy.key)?.proxy === text) return;
    this.close(proxy.key);
    const { listen, connect } = proxy;
    if (listen.address.protocol === 'udp' && connect.address.protocol !== 'udp') throw new Error('Proxying from udp to non-udp protocol is not supported');
    const sockets: Open[] = [];
    try {
      const ports = listen.address.ports.length > 0 ? listen.address.ports : [0];
      ports.forEach((port, index) => sockets.push(this.#listen(proxy, port, connect.address.ports[index] ?? connect.address.ports[0] ?? 0)));
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
    this.#open.set(proxy.key, { proxy: text, sockets });
  }

  close(key: string): void {
    for (const socket of this.#open.get(key)?.sockets ?? []) socket.close();
    this.#open.delete(key);
  }

  #listen(proxy: Proxy, port: number, target: number): Open {
    const { at, address, owner } = proxy.listen;
    const named = shown(address, port);
    if (port > 65_535) throw new Error(`Failed to listen on ${named}: listen ${address.protocol}: address ${port}: invalid port`);
    try {
      const fd = inside(at, () => listeningSocket(address, port, owner));
      return address.protocol === 'udp' ? listenDatagrams(fd, proxy, target) : listenStreams(fd, proxy, target);
    } catch (error) {
      throw new Error(`Failed to listen on ${named}: listen ${address.protocol} ${named}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function shown({ protocol, address }: ProxyAddress, port: number): string {
  if (protocol === 'unix') return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A socket with a path replaces one that was left there, and belongs to its owner from its first moment. */
function listeningSocket(address: ProxyAddress, port: number, owner: Proxy['listen']['owner']): number {
  const kind = { family: familyOf(address), type: address.protocol === 'udp' ? 'dgram' : 'stream' } as const;
  const bytes = socketAddress(address, port);
  if (kind.family !== 'unix' || address.address.startsWith('@')) return boundSocket(kind, bytes, { dualStack: isAnyAddress(address) });
  if (isSocket(address.address)) unlinkSync(address.address);
  setFileOwner(owner.uid, owner.gid);
  try {
    return withMode(owner.mode, () => boundSocket(kind, bytes));
  } finally {
    setFileOwner(0, 0);
  }
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

function listenStreams(fd: number, proxy: Proxy, target: number): Open {
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    connections.add(client);
    client.once('close', () => connections.delete(client));
    client.on('error', () => client.destroy());
    try {
      if (proxy.connect.address.protocol === 'udp') joinDatagrams(client, proxy, target);
      else join(client, connectStream(proxy, target), proxy.proxyHeader ? proxyHeader(client) : undefined);
    } catch {
      client.destroy();
    }
  });
  server.on('error', () => server.close());
  server.listen({ fd });
  return {
    close() {
      server.close();
      for (const client of connections) client.destroy();
    },
  };
}

function connectStream({ connect }: Proxy, port: number): Socket {
  const kind = { family: familyOf(connect.address), type: 'stream' } as const;
  const fd = inside(connect.at, () => as(connect.as, () => connectedSocket(kind, socketAddress(connect.address, port))));
  return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
}

function join(client: Socket, server: Socket, greeting: string | undefined): void {
  server.on('error', () => client.destroy());
  server.once('close', () => client.destroy());
  client.once('close', () => server.destroy());
  if (greeting !== undefined) server.write(greeting);
  client.pipe(server);
  server.pipe(client);
}

/** Each piece of the stream becomes a datagram, and each answer a piece of the stream. */
function joinDatagrams(client: Socket, { connect }: Proxy, port: number): void {
  const server = datagramSocket(connect);
  server.on('message', (message) => client.write(message));
  server.on('error', () => client.destroy());
  client.on('data', (piece: Buffer) => server.send(piece, port, connect.address.address));
  client.once('end', () => client.end());
  client.once('close', () => server.close());
  client.resume();
}

function datagramSocket({ at, address, as: user }: { at: Place; address: ProxyAddress; as: { uid: number; gid: number } }): UdpSocket {
  const family = familyOf(address);
  const fd = inside(at, () => as(user, () => plainSocket({ family, type: 'dgram' })));
  const socket = createSocket(family === 'inet' ? 'udp4' : 'udp6');
  socket.bind({ fd });
  return socket;
}

/** Every client has a socket of its own on the other side, until both are silent for a minute. */
function listenDatagrams(fd: number, { listen, connect }: Proxy, port: number): Open {
  const clients = new Map<string, { socket: UdpSocket; idle: NodeJS.Timeout }>();
  const server = createSocket(familyOf(listen.address) === 'inet' ? 'udp4' : 'udp6');
  const leave = (name: string): void => {
    const client = clients.get(name);
    clients.delete(name);
    clearTimeout(client?.idle);
    client?.socket.close();
  };
  const enter = (name: string, { port: from, address }: RemoteInfo): { socket: UdpSocket; idle: NodeJS.Timeout } => {
    const client = { socket: datagramSocket(connect), idle: setTimeout(() => leave(name), udpIdleMs).unref() };
    client.socket.on('message', (message) => (client.idle.refresh(), server.send(message, from, address)));
    client.socket.on('error', () => leave(name));
    clients.set(name, client);
    return client;
  };
  server.on('message', (message, from) => {
    const name = `${from.address} ${from.port}`;
    try {
      const client = clients.get(name) ?? enter(name, from);
      client.idle.refresh();
      client.socket.send(message, port, connect.address.address);
    } catch {
      leave(name);
    }
  });
  server.on('error', () => undefined);
  server.bind({ fd });
  return {
    close() {
      server.close();
      for (const name of [...clients.keys()]) leave(name);
    },
  };
}
