import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { btrfsDriver } from './btrfs-driver.js';
import { dirDriver } from './dir-driver.js';
import type { Layout } from './layout.js';
import type { StorageDriver } from './storage-driver.js';

/** Every kind of storage this agent can use, by the name the API gives it. */
export const storageDrivers = { btrfs: btrfsDriver, dir: dirDriver } satisfies Record<string, (host: Host, layout: Layout) => StorageDriver>;

/** One driver of each kind. */
export function makeDrivers(host: Host, layout: Layout): (name: string) => StorageDriver {
  const made = new Map(Object.entries(storageDrivers).map(([name, make]) => [name, make(host, layout)]));
  return (name) => {
    const driver = made.get(name);
    if (!driver) throw new LxdError('internal', 'Unknown driver');
    return driver;
  };
}
