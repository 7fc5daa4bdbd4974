import type { ProfileConfig } from '../instance.js';

export interface ArchivedInstance {
  /** LXD's objects. */
  instance: Record<string, unknown>;
  snapshots: readonly Record<string, unknown>[];
  profiles: readonly ProfileConfig[];
}

/** index.yaml of an instance's backup; storage adds what it knows. */
export function archiveIndex({ instance, snapshots, profiles }: ArchivedInstance): Record<string, unknown> {
  return {
    name: instance['name'],
    type: instance['type'],
    ...(snapshots.length > 0 ? { snapshots: snapshots.map((snapshot) => snapshot['name']) } : {}),
    config: {
      container: instance,
      ...(snapshots.length > 0 ? { snapshots } : {}),
      profiles: profiles.map(({ name, config, devices }) => ({ config, description: '', devices, name, used_by: [] })),
    },
  };
}
