import type { agentStorage } from '@asterism/proto';
import { systemCall, type Service } from '@asterism/rpc';
import { hostName } from '../instance-layout.js';
import type { RootUsage } from './states.js';

type Storage = Pick<Service<typeof agentStorage.AgentStorageDefinition>, 'getVolumeUsage'>;

/** Bytes of a root volume as its pool counts them; undefined where it does not. */
export function rootUsage(storage: Storage): RootUsage {
  return async (spec) => {
    const pool = { name: spec.pool, driver: spec.pool_driver, config: {} };
    const volume = { pool, type: spec.type, name: hostName(spec), content_type: 'filesystem', config: {}, size_bytes: 0 };
    const { used_bytes } = await storage.getVolumeUsage(systemCall(), volume);
    return used_bytes < 0 ? undefined : used_bytes;
  };
}
