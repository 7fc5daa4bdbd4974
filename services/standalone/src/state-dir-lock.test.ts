import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockStateDir } from './state-dir-lock.js';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'asterism-lock-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the lock of a state directory', () => {
  it('is held by one living server', async () => {
    const unlock = await lockStateDir(directory);
    await expect(lockStateDir(directory)).rejects.toThrow(`process id ${process.pid} already runs on ${directory}`);
    await unlock();
    await (await lockStateDir(directory))();
  });

  it('is taken over from a server that died, also when its id was given to another process', async () => {
    await writeFile(join(directory, 'asterism.pid'), `${process.pid} 1\n`);
    await lockStateDir(directory);
    expect(await readFile(join(directory, 'asterism.pid'), 'utf8')).not.toBe(`${process.pid} 1\n`);
  });
});
