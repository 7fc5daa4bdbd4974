import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hostMounts } from './mounts.js';

it('tells at once what was mounted, changed and unmounted', async () => {
  const target = mkdtempSync(join(tmpdir(), 'asterism-mounts-'));
  const options = async (): Promise<string[] | undefined> => (await hostMounts.list()).find((entry) => entry.target === target)?.options;
  for (let round = 0; round < 20; round++) {
    expect(await options()).toBeUndefined();
    await hostMounts.mount('none', target, 'tmpfs');
    expect(await options()).toContain('rw');
    const known = await hostMounts.list();
    expect(await hostMounts.list()).toBe(known);
    await hostMounts.bind(target, target, { readonly: true });
    expect((await hostMounts.list()).filter((entry) => entry.target === target).map((entry) => entry.options[0])).toEqual(['rw', 'ro']);
    await hostMounts.unmountTree(target);
  }
  rmdirSync(target);
});
