import { LxdError } from '@asterism/errors';
import type { agentStorage } from '@asterism/proto';
import type { Host } from '../host/host.js';
import type { Layout, Volume } from '../storage/layout.js';
import type { FillOptions, StorageDriver } from '../storage/storage-driver.js';
import { receivedFile } from './backup-files.js';
import { parseIdmap } from '../instances/lxc/parse-idmap.js';
import { readIndex } from './read-index.js';
import { archiveLayout } from './trees.js';
import { unpackBackup, type UnpackBackup } from './unpack-backup.js';

interface RestoreParts {
  host: Host;
  layout: Layout;
  driver: StorageDriver;
}

/** Makes a volume with its snapshots of a received backup. All places are made before anything is unpacked; the volume gets its name last. */
export async function restoreBackup({ host, layout, driver }: RestoreParts, volume: Volume, source: agentStorage.BackupSource): Promise<void> {
  const file = receivedFile(layout.stateDir, source.id);
  if (!(await host.files.exists(file))) throw new LxdError('not-found', 'The backup is on this member no more');
  const index = await readIndex(host, file);
  const optimized = index['optimized'] === 'true';
  const backend = String(index['backend'] ?? '');
  if (optimized && (backend !== volume.pool.driver || !driver.streams)) {
    throw new LxdError('bad-request', `Optimized backup storage driver ${JSON.stringify(backend)} differs from the target storage pool driver ${JSON.stringify(volume.pool.driver)}`);
  }
  const shifts = new Map(Object.entries(source.idmaps).map(([snapshot, idmap]) => [snapshot, parseIdmap(idmap)]));
  const backup = { file, layout: archiveLayout(volume), optimized, shifts };
  const unpack = (directories: ReadonlyMap<string, string>): Promise<void> => {
    const wish: UnpackBackup = { ...backup, directories };
    return optimized ? driver.streams!.receiving(volume, (receive) => unpackBackup(host, { ...wish, receive })) : unpackBackup(host, wish);
  };
  const filling = { driver, volume, unpack, makesDirectory: optimized };
  await driver.createVolume(volume, (directory) => withSnapshots(filling, [...source.snapshots], new Map([['', directory]])), filling);
}

interface Filling extends FillOptions {
  driver: StorageDriver;
  volume: Volume;
  unpack(directories: ReadonlyMap<string, string>): Promise<void>;
}

/** Each snapshot's place is open while those after it are made; all are filled at once, innermost. */
async function withSnapshots(filling: Filling, [snapshot, ...rest]: string[], directories: Map<string, string>): Promise<void> {
  if (snapshot === undefined) return filling.unpack(directories);
  await filling.driver.snapshotVolume(filling.volume, snapshot, (directory) => withSnapshots(filling, rest, new Map([...directories, [snapshot, directory]])), filling);
}
