import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import { stringify } from 'yaml';
import type { Argv } from '../host/commands.js';
import type { Host } from '../host/host.js';
import { isNoRoom } from '../host/no-room.js';
import { compressorOf } from '../images/pack-image.js';
import type { Layout, Volume } from '../storage/layout.js';
import type { VolumeStreams } from '../storage/storage-driver.js';
import { partialOf, workOf } from './backup-files.js';
import { archiveLayout, streamName, treeName } from './trees.js';

export interface BackupWish {
  volume: Volume;
  /** Oldest first. */
  snapshots: readonly string[];
  /** What index.yaml says beside what the archive has become. */
  index: Record<string, unknown>;
  optimized: boolean;
  compression: string;
}

interface WriteParts {
  host: Host;
  layout: Layout;
  /** The driver's own, where it has any. */
  streams: VolumeStreams | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Writes a backup in LXD's layout to `file`, index first; nothing has that name before it is whole. Answers whether it holds the
 * driver's own streams: a driver that has none writes the trees whatever was asked for.
 */
export async function writeBackup(parts: WriteParts, wish: BackupWish, file: string): Promise<boolean> {
  const { host, streams } = parts;
  const [partial, work] = [partialOf(file), workOf(file)];
  const isBlock = archiveLayout(wish.volume).suffix !== '';
  const optimized = wish.optimized && streams !== undefined && !isBlock;
  if ((optimized || isBlock) && wish.compression === 'squashfs') throw new LxdError('unsupported', 'Streams and block volumes are not packed into squashfs');
  const { name, backend, pool, snapshots, type, config } = wish.index;
  const index = { name, backend, pool, ...(snapshots ? { snapshots } : {}), optimized, optimized_header: optimized, type, config };
  await host.files.remove(work);
  try {
    await host.files.mkdir(join(work, 'backup'), { mode: 0o700 });
    await host.files.writePlain(join(work, 'backup/index.yaml'), yaml(index), { mode: 0o644 });
    await describeInVolume(parts, wish);
    if (optimized) await packStreams(parts, wish, { work, partial, streams });
    else if (streams) await streams.hold(wish.volume, (path) => packTrees(parts, wish, { work, partial, path }));
    else await packTrees(parts, wish, { work, partial, path: parts.layout.volume(wish.volume) });
    await host.files.rename(partial, file);
    // Nobody waits for the disk: whoever has the file's size tells a whole one from what a power failure left.
  } catch (error) {
    throw isNoRoom(error) ? new LxdError('internal', 'Unable to store backup, run out of disk space', { cause: error }) : error;
  } finally {
    await host.files.remove(work);
    await host.files.remove(partial);
  }
  return optimized;
}

/** The reference's import believes the backup.yaml of an instance's volume, not the index. */
async function describeInVolume({ host, layout }: WriteParts, { volume, index }: BackupWish): Promise<void> {
  if (volume.type !== 'custom' && index['config']) await host.files.replace(join(layout.volume(volume), 'backup.yaml'), yaml(index['config']), { mode: 0o400 });
}

const keepEverything = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '--warning=no-file-ignored', '--warning=no-file-changed', '--warning=no-file-removed'] as const;

/** Every tree under its name in the archive; the members are named from "/" so that no two have the same one before they are renamed. */
async function packTrees(parts: WriteParts, { volume, snapshots, compression }: BackupWish, { work, partial, path }: { work: string; partial: string; path: string }): Promise<void> {
  const layout = archiveLayout(volume);
  const within = layout.suffix === '' ? '' : '/root.img';
  const trees = [...snapshots.map((snapshot) => [parts.layout.snapshot(volume, snapshot), treeName(layout, snapshot)] as const), [path, treeName(layout, '')] as const];
  const renamed = trees.map(([from, to]) => `--transform=${renaming(`${from}${within}`.slice(1), `${to}${layout.suffix}`)}`);
  const members = trees.map(([from]) => `${from}${within}`.slice(1));
  const argv: Argv = ['tar', '--force-local', ...keepEverything, ...renamed, '-C', work, 'backup/index.yaml', '-C', '/', ...members];
  await pack(parts, argv, compression, partial);
}

async function packStreams(parts: WriteParts, { volume, snapshots, compression }: BackupWish, { work, partial, streams }: { work: string; partial: string; streams: VolumeStreams }): Promise<void> {
  const layout = archiveLayout(volume);
  await parts.host.files.mkdir(join(work, 'backup', layout.snapshots), { mode: 0o700 });
  const names: string[] = [];
  const subvolumes = await streams.send(volume, snapshots, (subvolume) => {
    names.push(streamName(layout, subvolume));
    return join(work, streamName(layout, subvolume));
  });
  await parts.host.files.writePlain(join(work, 'backup/optimized_header.yaml'), yaml({ subvolumes }), { mode: 0o644 });
  const argv: Argv = ['tar', '--force-local', '--numeric-owner', '-C', work, 'backup/index.yaml', 'backup/optimized_header.yaml', ...names];
  await pack(parts, argv, compression, partial);
}

/** tar's exit code where files changed while it read them: the archive is whole. */
const CHANGED = 1;

async function pack({ host, signal }: WriteParts, [command, ...args]: Argv, compression: string, file: string): Promise<void> {
  if (compression.split(' ')[0] === 'squashfs') return packSquashfs(host, [command, '-c', ...args], compression, { file, signal });
  const compressor = compressorOf(compression);
  const tar = host.spawn([command, '-c', '-f', file, ...(compressor ? ['-I', compressor] : []), ...args], { signal });
  tar.stdout.resume();
  const { code } = await tar.exited;
  if (code !== CHANGED) await tar.succeeded();
}

async function packSquashfs(host: Host, tar: Argv, compression: string, { file, signal }: { file: string; signal?: AbortSignal | undefined }): Promise<void> {
  if (compression !== 'squashfs') throw new LxdError('bad-request', `Invalid compression algorithm ${JSON.stringify(compression)}`);
  const source = host.spawn([...tar, '-f', '-'], { signal });
  const target = host.spawn(['sqfstar', '-quiet', '-no-progress', file], { signal });
  target.stdout.resume();
  source.stdout.pipe(target.stdin);
  try {
    await target.succeeded();
    const { code } = await source.exited;
    if (code !== CHANGED) await source.succeeded();
  } finally {
    source.kill('SIGKILL');
    target.kill('SIGKILL');
  }
}

/** As the reference lays it out. */
function yaml(value: unknown): string {
  return stringify(value, { indentSeq: false });
}

/** tar's replacement of a member's leading path, and of hard links to it; never of what symlinks say. */
export function renaming(from: string, to: string): string {
  const separator = '\u0001'; // no name has it
  const pattern = from.replace(/[.*[\]^$\\]/g, '\\$&');
  return `s${separator}^\\(\\./\\)\\?${pattern}\\(/\\|$\\)${separator}${to.replace(/[\\&]/g, '\\$&')}\\2${separator}S`;
}
