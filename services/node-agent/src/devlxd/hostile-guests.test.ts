import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { InstanceLayout } from '../instances/instance-layout.js';
import { KnownInstances } from '../instances/known-instances.js';
import { Devlxd } from './devlxd.js';

const stateDir = mkdtempSync('/tmp/asterism-devlxd-');
const host = linuxHost();
const known = new KnownInstances(host, new InstanceLayout(stateDir));
const devlxd = new Devlxd(host, known, { member: () => 'none', images: () => Promise.reject(new LxdError('not-found', 'Image not found')) });
const spec = { id: 'c1', project: 'default', name: 'c1', type: 'container', config: { 'user.a': 'b', 'security.devlxd.images': 'true' }, devices: {} } as unknown as agentInstances.InstanceSpec;

beforeEach(async () => {
  await known.load();
  await known.save({ spec });
  await devlxd.open(spec, []);
});
afterEach(() => devlxd.close('c1'));
afterAll(async () => {
  devlxd.end();
  await host.guests.close();
  rmSync(stateDir, { recursive: true });
});

async function say(text: string): Promise<string> {
  const socket = connect({ path: `${devlxd.directory('c1')}/sock` });
  socket.on('error', () => undefined);
  socket.end(text);
  let heard = '';
  for await (const piece of socket) heard += String(piece);
  return heard;
}

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: lxd\r\nConnection: close\r\n${more}\r\n`;

describe('a guest that means harm', () => {
  it('is answered, whatever path it asks for', async () => {
    for (const path of ['//', '/1.0/config/%zz', '/1.0/../../etc/passwd', 'http://[', '/1.0/images/../../export', '*']) {
      expect(await say(get(path))).toMatch(/^HTTP\/1\.1 [34]\d\d|^$/);
    }
    expect(await say(get('/1.0/config/user.a'))).toMatch(/\r\n\r\nb$/);
  });

  it('does not end the agent with half a request or half a websocket', async () => {
    await say('GET / HT');
    await say(get('//', 'Upgrade: websocket\r\n'));
    const socket = connect({ path: `${devlxd.directory('c1')}/sock` });
    socket.write('GET /1.0/events HTTP/1.1\r\nHost: lxd\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\xff\xff\xff');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    devlxd.tell('c1', [{ type: 'config', metadata: {} }]);
    expect(await say(get('/'))).toContain('["/1.0"]');
  });
});
