import { createWriteStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { ended, written } from './written.js';

it('a stream that had failed before its end is no file', async () => {
  const out = createWriteStream('/dev/full');
  out.on('error', () => undefined);
  await written(out, Buffer.from('bytes'));
  await new Promise<void>((resolve) => out.once('close', resolve));
  await expect(ended(out)).rejects.toMatchObject({ code: 'ENOSPC' });
});

it('what is taken to the end is', async () => {
  const out = new PassThrough().resume();
  await written(out, Buffer.from('bytes'));
  await expect(ended(out)).resolves.toBeUndefined();
});
