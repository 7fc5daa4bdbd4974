import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { ArchiveRules } from './archive-rules.js';
import { hostileArchives, honestArchive, tarOf, withEntries } from './hostile-archives.js';
import { unpackImage } from './unpack-image.js';

const host = linuxHost();
let work: string;
let target: string;

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'asterism-unpack-'));
  target = join(work, 'target');
  mkdirSync(target);
});
afterEach(() => rmSync(work, { recursive: true, force: true }));

function file(name: string, bytes: Buffer): string {
  const path = join(work, name);
  writeFileSync(path, bytes);
  return path;
}

function compressed(command: string, bytes: Buffer): Buffer {
  return execFileSync(command, ['-c'], { input: bytes });
}

describe('unpack an image', () => {
  const compressions: Record<string, (bytes: Buffer) => Buffer> = {
    none: (bytes) => bytes,
    gzip: (bytes) => gzipSync(bytes),
    zstd: (bytes) => zstdCompressSync(bytes),
    xz: (bytes) => compressed('xz', bytes),
    bzip2: (bytes) => compressed('bzip2', bytes),
  };
  for (const [name, compress] of Object.entries(compressions)) {
    it(`takes a unified archive, compression ${name}`, async () => {
      await unpackImage(host, { meta: file('image', compress(await honestArchive())), target });
      expect(readdirSync(target)).toEqual(['metadata.yaml', 'rootfs']);
      expect(readFileSync(join(target, 'rootfs/etc/hostname'), 'utf8')).toBe('honest\n');
    });
  }

  it('keeps owners, modes, links and capabilities', async () => {
    const source = join(work, 'source');
    mkdirSync(join(source, 'rootfs/bin'), { recursive: true });
    writeFileSync(join(source, 'metadata.yaml'), 'architecture: x86_64\n');
    writeFileSync(join(source, 'rootfs/bin/ping'), 'x');
    execFileSync('setcap', ['cap_net_raw+ep', join(source, 'rootfs/bin/ping')]);
    execFileSync('ln', [join(source, 'rootfs/bin/ping'), join(source, 'rootfs/bin/ping4')]);
    execFileSync('ln', ['-s', '/etc/../bin/ping', join(source, 'rootfs/bin/ping6')]);
    execFileSync('chown', ['1234:4321', join(source, 'rootfs/bin')]);
    chmodSync(join(source, 'rootfs/bin'), 0o3775);
    execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-C', source, '-cf', join(work, 'image'), '.']);
    await unpackImage(host, { meta: join(work, 'image'), target });
    const bin = statSync(join(target, 'rootfs/bin'));
    expect([bin.uid, bin.gid, bin.mode & 0o7777]).toEqual([1234, 4321, 0o3775]);
    expect(readlinkSync(join(target, 'rootfs/bin/ping6'))).toBe('/etc/../bin/ping');
    expect(statSync(join(target, 'rootfs/bin/ping4')).ino).toBe(statSync(join(target, 'rootfs/bin/ping')).ino);
    expect(execFileSync('getcap', [join(target, 'rootfs/bin/ping')]).toString()).toContain('cap_net_raw=ep');
  });

  it('takes a split image whose root file system is squashfs, and leaves its device nodes out', async () => {
    const source = join(work, 'source');
    mkdirSync(join(source, 'dev'), { recursive: true });
    writeFileSync(join(source, 'a b -> c'), 'odd name');
    execFileSync('mknod', [join(source, 'dev/sda'), 'b', '8', '0']);
    execFileSync('mknod', [join(source, 'dev/null'), 'c', '1', '3']);
    execFileSync('mksquashfs', [source, join(work, 'rootfs'), '-quiet', '-no-progress']);
    const meta = file('meta', gzipSync(await tarOf([{ name: 'metadata.yaml', content: 'architecture: x86_64\n' }])));
    await unpackImage(host, { meta, rootfs: join(work, 'rootfs'), target });
    expect(readdirSync(join(target, 'rootfs/dev'))).toEqual([]);
    expect(readFileSync(join(target, 'rootfs/a b -> c'), 'utf8')).toBe('odd name');
  });

  it('leaves device nodes and what is no part of an image out', async () => {
    const archive = await withEntries({ name: 'rootfs/sda', type: 'block-device', devmajor: 8, devminor: 0 }, { name: 'backup.yaml', content: 'x' }, { name: 'rootfs/last', content: 'y' });
    await unpackImage(host, { meta: file('image', archive), target });
    expect(readdirSync(target)).toEqual(['metadata.yaml', 'rootfs']);
    expect(readdirSync(join(target, 'rootfs'))).toEqual(['etc', 'last']);
  });

  it('takes sparse files and names longer than a header', async () => {
    const source = join(work, 'source');
    const long = `${'d'.repeat(150)}/${'f'.repeat(150)}`;
    mkdirSync(join(source, 'rootfs', 'd'.repeat(150)), { recursive: true });
    writeFileSync(join(source, 'metadata.yaml'), 'architecture: x86_64\n');
    writeFileSync(join(source, 'rootfs', long), 'long');
    execFileSync('truncate', ['-s', '64M', join(source, 'rootfs/sparse')]);
    for (const format of ['gnu', 'posix']) {
      execFileSync('tar', [`--format=${format}`, '--sparse', '-C', source, '-cf', join(work, 'image'), 'metadata.yaml', 'rootfs']);
      await unpackImage(host, { meta: join(work, 'image'), target });
      expect(statSync(join(target, 'rootfs/sparse')).size).toBe(64 * 1024 * 1024);
      expect(readFileSync(join(target, 'rootfs', long), 'utf8')).toBe('long');
      rmSync(target, { recursive: true });
      mkdirSync(target);
    }
  });
});

describe('a hostile image', () => {
  for (const { what, bytes, refusal } of hostileArchives) {
    it(`is refused: ${what}`, async () => {
      await expect(unpackImage(host, { meta: file('image', await bytes()), target })).rejects.toThrow(refusal);
      expect(readdirSync(target)).toEqual([]);
      expect(existsSync(join(work, 'escaped'))).toBe(false);
    });
  }

  it('is refused when the stream itself has no end', () => {
    const rules = new ArchiveRules('unified', 1000);
    expect(() => rules.countStream(3 * 1024 ** 3)).toThrow(/unpacks to far more/);
    expect(() => new ArchiveRules('unified', 100 * 1024 ** 2).countStream(3 * 1024 ** 3)).not.toThrow();
  });

  it('cannot lead its second half outside by a link in its first', async () => {
    const meta = file('meta', await tarOf([{ name: 'metadata.yaml', content: 'x: 1' }, { name: 'rootfs', type: 'symlink', linkname: work }]));
    const rootfs = file('rootfs', await tarOf([{ name: 'escaped', content: 'x' }]));
    await unpackImage(host, { meta, rootfs, target });
    expect(lstatSync(join(target, 'rootfs')).isDirectory()).toBe(true);
    expect(existsSync(join(work, 'escaped'))).toBe(false);
  });
});

describe('a full disk', () => {
  it('ends in an error and leaves nothing', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'small', target]);
    try {
      const image = file('image', await withEntries({ name: 'rootfs/large', content: 'x'.repeat(4 * 1024 * 1024) }));
      await expect(unpackImage(host, { meta: image, target })).rejects.toThrow('Unable to unpack image, run out of disk space');
      expect(readdirSync(target)).toEqual([]);
    } finally {
      execFileSync('umount', [target]);
    }
  });
});
