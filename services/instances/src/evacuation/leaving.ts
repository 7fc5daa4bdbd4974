import { deviceOption, diskKeys, instanceKeys, isRootDisk, nicBridgedKeys, valueOf } from '@asterism/config-keys';
import type { Devices, InstanceRow } from '../instance.js';

/** What becomes of an instance when its member is evacuated. */
export type Leaving = 'stop' | 'migrate' | 'live-migrate';

/** As the instance asks for; "auto": it moves when all of its devices can be had elsewhere. */
export function leavingOf({ expanded_config, expanded_devices }: Pick<InstanceRow, 'expanded_config' | 'expanded_devices'>): Leaving {
  const wish = valueOf(expanded_config, instanceKeys.clusterEvacuate);
  if (wish === 'stop' || wish === 'migrate' || wish === 'live-migrate') return wish;
  return canMove(expanded_devices) ? 'migrate' : 'stop';
}

function canMove(devices: Devices): boolean {
  return Object.values(devices).every((options) => {
    switch (options[deviceOption.type]) {
      case 'none':
        return true;
      case 'nic':
        return Boolean(options[nicBridgedKeys.network.name]);
      case 'disk':
        return isRootDisk(options) || /^(?:ceph|cephfs|cloud-init):/.test(options[diskKeys.source.name] ?? '');
      default:
        return false;
    }
  });
}
