import { join } from 'node:path';
import type { agentStorage } from '@asterism/proto';
import type { Host } from '../host/host.js';
import { typeDirectories, type Layout, type Pool } from './layout.js';
import type { StorageDriver } from './storage-driver.js';

/** Mounts a pool that is not; what lies in it, or why it cannot be used. Nothing is made where a pool should be and is not. */
export async function lookAfterPool(host: Host, layout: Layout, pool: Pool, driver: Pick<StorageDriver, 'mountPool'>): Promise<agentStorage.LookedAfterPool> {
  const path = layout.pool(pool.name);
  try {
    if (isMountedThere(pool, path) && !(await host.mounts.isMounted(path))) await driver.mountPool(pool);
    if (!(await host.files.exists(join(path, typeDirectories['container']!.directory)))) return { name: pool.name, problem: `Nothing of the pool is at ${path}`, volumes: [] };
    return { name: pool.name, problem: '', volumes: await volumesIn(host, path) };
  } catch (error) {
    return { name: pool.name, problem: error instanceof Error ? error.message : String(error), volumes: [] };
  }
}

/** Whether the pool is a mount at this path: all are but directories of the state directory itself. */
export function isMountedThere({ driver, config }: Pool, path: string): boolean {
  return driver !== 'dir' || (config['source'] || path) !== path;
}

async function volumesIn(host: Host, path: string): Promise<agentStorage.VolumeOnDisk[]> {
  const volumes: agentStorage.VolumeOnDisk[] = [];
  for (const [type, { directory }] of Object.entries(typeDirectories)) {
    const snapshots = new Set(await namesIn(host, join(path, `${directory}-snapshots`)));
    for (const name of await namesIn(host, join(path, directory))) {
      const own = snapshots.delete(name) ? await namesIn(host, join(path, `${directory}-snapshots`, name)) : [];
      volumes.push({ type, name, snapshots: own });
    }
  }
  return volumes;
}

async function namesIn(host: Host, directory: string): Promise<string[]> {
  return (await host.files.exists(directory)) ? host.files.readdir(directory) : [];
}
