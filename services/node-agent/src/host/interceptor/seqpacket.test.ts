import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { acceptPeer, connectForMessages, descriptorOf, listenForMessages, readable, receive, send } from './seqpacket.js';

const directory = mkdtempSync('/tmp/asterism-seqpacket-');
afterAll(() => rmSync(directory, { recursive: true }));

describe('a socket for messages', () => {
  it('carries them whole, and descriptors with them, until the peer goes', async () => {
    const listener = listenForMessages(`${directory}/s`);
    const client = connectForMessages(`${directory}/s`);
    expect(await readable([listener], 1000)).toEqual([listener]);
    const peer = acceptPeer(listener);
    expect(await readable([peer], 0)).toEqual([]);
    expect(receive(peer)).toBe('nothing');
    const file = openSync('/proc/self/stat', 'r');
    send(client, Buffer.from('with a file'), [file]);
    closeSync(file);
    send(client, Buffer.from('without'));
    const [first, second] = [receive(peer), receive(peer)];
    expect(first).toMatchObject({ bytes: Buffer.from('with a file'), descriptors: [expect.any(Number)] });
    const descriptor = (first as { descriptors: number[] }).descriptors[0]!;
    expect(readFileSync(descriptor, 'latin1')).toContain(String(process.pid));
    closeSync(descriptor);
    expect(second).toEqual({ bytes: Buffer.from('without'), descriptors: [] });
    expect(send(peer, Buffer.from('answer'))).toBe(true);
    closeSync(client);
    expect(await readable([peer], 1000)).toEqual([peer]);
    expect(receive(peer)).toBeUndefined();
    expect(send(peer, Buffer.from('late'))).toBe(false);
    closeSync(peer);
    closeSync(listener);
  });

  it('is kept by another process that takes it over', () => {
    const listener = listenForMessages(`${directory}/t`);
    const other = descriptorOf(process.pid, listener);
    closeSync(listener);
    const client = connectForMessages(`${directory}/t`);
    closeSync(acceptPeer(other));
    closeSync(client);
    closeSync(other);
    expect(() => connectForMessages(`${directory}/t`)).toThrow('ECONNREFUSED');
  });

  it('refuses a message too long', () => {
    const listener = listenForMessages(`${directory}/l`);
    const client = connectForMessages(`${directory}/l`);
    const peer = acceptPeer(listener);
    send(client, Buffer.alloc(5000));
    expect(receive(peer)).toBeUndefined();
    for (const fd of [client, peer, listener]) closeSync(fd);
  });
});
