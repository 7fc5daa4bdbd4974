import type { Host } from '../host/host.js';
import type { Layout } from './layout.js';
import type { VolumeQuotas } from './storage-driver.js';

/** Limits by qgroups. Counting is switched on with the first limit: it costs every write of the file system. */
export function btrfsQuotas(host: Host, layout: Layout): VolumeQuotas {
  return {
    async limit(volume, bytes) {
      const path = layout.volume(volume);
      if (bytes === 0) {
        await host.exec(['btrfs', 'qgroup', 'limit', 'none', path], { okCodes: [0, 1] }); // 1: nothing counts, so nothing limits
        return;
      }
      const first = await host.exec(['btrfs', 'qgroup', 'limit', String(bytes), path], { okCodes: [0, 1] });
      if (first.code === 0) return;
      await host.exec(['btrfs', 'quota', 'enable', layout.pool(volume.pool.name)]);
      await host.exec(['btrfs', 'qgroup', 'limit', String(bytes), path]);
    },
    async usage(volume) {
      const usage = await host.subvolumes.usage(layout.volume(volume));
      return usage && { usedBytes: usage.exclusiveBytes, totalBytes: usage.limitBytes ?? -1 };
    },
  };
}
