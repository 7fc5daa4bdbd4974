import type { agentInstances } from '@asterism/proto';
import { stringify } from 'yaml';
import type { Host } from '../host/host.js';

/** The reference's backup.yaml: the last applied configuration lies with the volume, so that a volume found without its server can be taken in again. */
export async function writeBackupFile(host: Host, spec: agentInstances.InstanceSpec): Promise<void> {
  await host.files.replace(`${spec.volume_path}/backup.yaml`, stringify(backupDocument(spec)), { mode: 0o400 });
}

export function backupDocument(spec: agentInstances.InstanceSpec): object {
  const createdAt = new Date(spec.created_at_ms).toISOString();
  return {
    container: {
      architecture: spec.architecture,
      config: spec.local_config,
      devices: Object.fromEntries(Object.entries(spec.local_devices).map(([name, device]) => [name, device.options])),
      ephemeral: spec.ephemeral,
      profiles: spec.profiles,
      stateful: false,
      description: spec.description,
      created_at: createdAt,
      expanded_config: spec.config,
      expanded_devices: Object.fromEntries(Object.entries(spec.devices).map(([name, device]) => [name, device.options])),
      name: spec.name,
      type: spec.type,
      project: spec.project,
    },
    pool: { name: spec.pool, driver: spec.pool_driver },
    volume: { name: spec.name, type: spec.type, content_type: 'filesystem', project: spec.project, config: {} },
  };
}
