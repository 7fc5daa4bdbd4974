/** Config keys of pools and networks that every member of a cluster has for itself. */
const localKeys: Readonly<Record<string, readonly string[]>> = {
  'storage-pool': ['lvm.thinpool_name', 'lvm.vg_name', 'size', 'source', 'zfs.pool_name'],
  network: ['bridge.external_interfaces', 'parent'],
};

interface Configured {
  name: string;
  config: Readonly<Record<string, string>>;
}

/** "member_config" of GET /1.0/cluster: what a joining server would be asked for. */
export function memberConfig(entity: 'storage-pool' | 'network', objects: readonly Configured[]): object[] {
  const label = entity.replace('-', ' ');
  return objects.flatMap(({ name, config }) =>
    (localKeys[entity] ?? []).filter((key) => config[key] !== undefined).map((key) => ({ entity, name, key, value: '', description: `"${key}" property for ${label} "${name}"` })),
  );
}
