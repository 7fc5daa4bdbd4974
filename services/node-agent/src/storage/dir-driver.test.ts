import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { storageDriverSuite } from './conformance.js';
import { dirDriver } from './dir-driver.js';
import { Layout, type Pool } from './layout.js';

const newStateDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'asterism-storage-'));
const dirPool = (source = ''): Pool => ({ name: 'p1', driver: 'dir', config: source ? { source } : {} });

storageDriverSuite({
  title: 'dir in the state directory',
  driver: dirDriver,
  async open() {
    const stateDir = await newStateDir();
    return { stateDir, pool: dirPool(), close: () => rm(stateDir, { recursive: true }) };
  },
});

storageDriverSuite({
  title: 'dir at an existing directory',
  driver: dirDriver,
  async open() {
    const stateDir = await newStateDir();
    const source = join(stateDir, 'elsewhere');
    await mkdir(source);
    return { stateDir, pool: dirPool(source), close: () => rm(stateDir, { recursive: true }) };
  },
});

describe('a dir pool', () => {
  const host = linuxHost();
  let stateDir: string;
  beforeEach(async () => {
    stateDir = await newStateDir();
  });
  afterEach(() => rm(stateDir, { recursive: true }));

  it('wants a source that exists', async () => {
    const driver = dirDriver(host, new Layout(stateDir));
    await expect(driver.createPool(dirPool('/nowhere'))).rejects.toThrow("Source path '/nowhere' doesn't exist");
    await expect(driver.createPool(dirPool('relative'))).rejects.toThrow("Source path 'relative' doesn't exist");
  });
  it('wants a source that is empty', async () => {
    await mkdir(join(stateDir, 'full'));
    await writeFile(join(stateDir, 'full/file'), '');
    const source = join(stateDir, 'full');
    await expect(dirDriver(host, new Layout(stateDir)).createPool(dirPool(source))).rejects.toThrow(`Source path '${source}' isn't empty`);
  });
});
