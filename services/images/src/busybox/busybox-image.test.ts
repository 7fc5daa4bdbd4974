import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { busyboxImage, busyboxSplitImage } from './busybox-image.js';

const busybox = Buffer.from('not really busybox');

async function entriesOf(archive: Buffer): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of Readable.from([gunzipSync(archive)]).pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.set(entry.header.name, entry.header.linkname ?? Buffer.concat(chunks).toString());
  }
  return found;
}

describe('the busybox image', () => {
  it('has the same bytes for the same input', async () => {
    expect(await busyboxImage(busybox)).toEqual(await busyboxImage(busybox));
  });

  it('carries metadata that LXD reads and a root file system', async () => {
    const entries = await entriesOf(await busyboxImage(busybox, { description: 'A "test"', templates: true }));
    expect(parse(entries.get('metadata.yaml') ?? '')).toMatchObject({ architecture: 'x86_64', properties: { description: 'A "test"' }, templates: { '/etc/hostname': { template: 'hostname.tpl' } } });
    expect(entries.get('rootfs/bin/busybox')).toBe('not really busybox');
    expect(entries.get('rootfs/bin/sh')).toBe('busybox');
    expect(entries.get('rootfs/sbin/init')).toMatch(/^#!\/bin\/sh/);
  });

  it('comes split in two as well', async () => {
    const { metadata, rootfs } = await busyboxSplitImage(busybox);
    expect([...(await entriesOf(metadata)).keys()]).toEqual(['metadata.yaml']);
    expect((await entriesOf(rootfs)).has('./sbin/init')).toBe(true);
  });
});
