import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { hostUnixSockets } from './unix-sockets.js';

const root = mkdtempSync('/tmp/asterism-sockets-');
afterAll(() => rmSync(root, { recursive: true }));

async function asked(path: string, at = path): Promise<number> {
  const seen = Promise.withResolvers<number>();
  const listening = await hostUnixSockets.listen(path, 0o666, (socket, { uid }) => {
    seen.resolve(uid);
    socket.end();
  });
  const client = connect({ path: at });
  client.resume();
  const uid = await seen.promise;
  client.destroy();
  expect(statSync(path).mode & 0o777).toBe(0o666);
  await listening.close();
  expect(() => statSync(path)).toThrow('ENOENT');
  return uid;
}

describe('a socket of the agent', () => {
  it('says who connects, as the kernel knows it', async () => {
    expect(await asked(`${root}/sock`)).toBe(process.getuid!());
  });

  it('replaces one that was left there', async () => {
    await hostUnixSockets.listen(`${root}/left`, 0o600, () => undefined);
    expect(await asked(`${root}/left`)).toBe(process.getuid!());
  });

  it('may lie below a directory with a long name', async () => {
    const directory = `${root}/${'long'.repeat(30)}`;
    mkdirSync(directory);
    const previous = process.cwd();
    process.chdir(directory);
    try {
      expect(await asked(`${directory}/sock`, 'sock')).toBe(process.getuid!());
    } finally {
      process.chdir(previous);
    }
  });
});
