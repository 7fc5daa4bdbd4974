import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scenario } from '../api/scenario.js';
import type { Operation } from '../http/client.js';

const test = scenario();
const port = 18500;

/** An image server on the server's host that takes every request and never answers. */
async function silentServer(): Promise<string> {
  const { work } = test.server;
  writeFileSync(
    join(work, 'silent.mjs'),
    `import { createServer } from 'node:https'; import { readFileSync } from 'node:fs';
     createServer({ cert: readFileSync('silent.crt'), key: readFileSync('silent.key') }, () => {}).listen(${port}, '127.0.0.1');`,
  );
  const made = await test.server.shell(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout silent.key -out silent.crt -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>&1 && (setsid ${process.execPath} silent.mjs >/dev/null 2>&1 </dev/null &)`,
  );
  expect([made.code, made.stderr]).toEqual([0, '']);
  // 7 is a connection refused, 28 no answer in time.
  await expect.poll(async () => (await test.server.shell(`curl -sk --max-time 0.5 https://127.0.0.1:${port}`)).code, { timeout: 20_000 }).toBe(28);
  return readFileSync(join(work, 'silent.crt'), 'utf8');
}

async function download(certificate: string): Promise<string> {
  const source = { type: 'image', mode: 'pull', server: `https://127.0.0.1:${port}`, protocol: 'simplestreams', certificate, alias: 'never' };
  const opened = await test.client.json<Operation>('POST', '/1.0/images', { source });
  expect([opened.http, opened.error]).toEqual([202, '']);
  return opened.operation;
}

async function relaunch(): Promise<void> {
  await test.server.crash();
  await test.server.launch();
}

const ended = async (operation: string): Promise<Operation> => (await test.client.json<Operation>('GET', `${operation}/wait?timeout=120`)).metadata;

describe('a download that is cancelled', () => {
  it('ends as cancelled whenever the server was killed', async () => {
    const certificate = await silentServer();
    const before = await download(certificate);
    await relaunch();
    expect(await test.client.get<Operation>(before)).toMatchObject({ status: 'Running', may_cancel: true, err: '' });
    expect((await test.client.json('DELETE', before)).http).toBe(200);
    expect(await ended(before)).toMatchObject({ status: 'Cancelled', status_code: 401 });
    for (const delayMs of [0, 3]) {
      const operation = await download(certificate);
      const cancelling = test.client.json('DELETE', operation).then(({ http }) => http, () => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await relaunch();
      const answered = await cancelling;
      // Who had no answer asks again, and may hear that it has ended.
      if (answered === undefined) await test.client.json('DELETE', operation);
      else expect(answered).toBe(200);
      expect(await ended(operation), `${delayMs} ms: ${answered}`).toMatchObject({ status: 'Cancelled', status_code: 401 });
    }
    expect(await test.client.get('/1.0/images')).toHaveLength(1);
  });
});
