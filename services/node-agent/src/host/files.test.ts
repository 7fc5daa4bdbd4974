import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostFiles } from './files.js';
import { hostMounts } from './mounts.js';

describe('a file system without room', () => {
  const place = mkdtempSync(join(tmpdir(), 'asterism-files-'));
  beforeAll(() => hostMounts.mount('none', place, 'tmpfs', { data: 'size=64k' }));
  afterAll(async () => {
    await hostMounts.unmountTree(place);
    rmdirSync(place);
  });

  it('takes a line of a log whole or not at all', async () => {
    const log = join(place, 'log');
    const line = `${'x'.repeat(1499)}\n`;
    let written = 0;
    const append = (): Promise<void> => hostFiles.append(log, line).then(() => void written++);
    await expect((async () => {
      for (let index = 0; index < 100; index++) await append();
    })()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(written).toBeGreaterThan(20);
    expect(readFileSync(log, 'utf8')).toBe(line.repeat(written));
    await expect(append()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(readFileSync(log, 'utf8')).toBe(line.repeat(written));
  });
});
