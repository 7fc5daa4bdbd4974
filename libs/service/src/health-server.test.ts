import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { serveHealth } from './health-server.js';

test('a process that starts or stops is alive but not ready', async () => {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  let ready = false;
  serveHealth(`127.0.0.1:${port}`, () => ready);
  const ask = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect(await Promise.all(['/alive', '/ready', '/metrics'].map(ask))).toEqual([200, 503, 404]);
  ready = true;
  expect(await ask('/ready')).toBe(200);
});
