import type { Host } from '../host/host.js';
import { BtrfsPlaces } from './btrfs-places.js';
import { btrfsQuotas } from './btrfs-quotas.js';
import { btrfsStreams } from './btrfs-streams.js';
import type { Layout } from './layout.js';
import type { StorageDriver } from './storage-driver.js';
import { subvolumeTrees } from './subvolume-trees.js';
import { TreeDriver } from './tree-driver.js';

/** Subvolumes of a btrfs: copies, snapshots and restores share blocks and take one step. */
export function btrfsDriver(host: Host, layout: Layout): StorageDriver {
  return new TreeDriver({
    host,
    layout,
    places: new BtrfsPlaces(host, layout),
    trees: subvolumeTrees(host),
    quotas: btrfsQuotas(host, layout),
    streams: btrfsStreams(host, layout),
    keepsImages: true,
  });
}
