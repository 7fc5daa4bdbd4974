import { Inject, Injectable } from '@nestjs/common';
import { serverKeys } from '@asterism/config-keys';
import { Token, type Cluster, type Instances, type Profiles } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defaultProject, userUrl } from './volume-urls.js';
import type { VolumeRow } from './volume.store.js';

/** As which the server itself is a user. */
export const serverUrl = '/1.0';

/** What uses volumes: the instance or image a volume belongs to; instances and profiles that attach a custom one; the server, for its own files. */
@Injectable()
export class VolumeUsers {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Profiles) private readonly profiles: Profiles,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
  ) {}

  /** Of volumes of one pool, by the volume's project and name; snapshots of custom volumes have no users. */
  async usedBy(call: CallContext, volumes: readonly VolumeRow[]): Promise<(volume: VolumeRow) => string[]> {
    const custom = volumes.filter((volume) => volume.type === 'custom' && !volume.name.includes('/'));
    const [attached, servers] = await Promise.all([this.#attached(call, custom), this.#ofServers(call, custom)]);
    return (volume) => (volume.type === 'custom' ? [...(attached.get(key(volume)) ?? []), ...(servers.has(volume) ? [serverUrl] : [])] : [userUrl(volume)]);
  }

  /** Whether the server keeps its own files in a volume. */
  async isServers(call: CallContext, volume: VolumeRow): Promise<boolean> {
    return (await this.#ofServers(call, [volume])).has(volume);
  }

  async ofOne(call: CallContext, volume: VolumeRow): Promise<string[]> {
    return (await this.usedBy(call, [volume]))(volume);
  }

  async #ofServers(call: CallContext, volumes: readonly VolumeRow[]): Promise<Set<VolumeRow>> {
    const byMember = Map.groupBy(volumes.filter(({ type, project }) => type === 'custom' && project === defaultProject), ({ member }) => member);
    const used = await Promise.all([...byMember].map(async ([member, rows]) => {
      const { config } = await this.cluster.config(call, { member });
      const names = [config[serverKeys.storageBackupsVolume.name], config[serverKeys.storageImagesVolume.name]];
      return rows.filter(({ pool, name }) => names.includes(`${pool}/${name}`));
    }));
    return new Set(used.flat());
  }

  async #attached(call: CallContext, volumes: readonly VolumeRow[]): Promise<Map<string, string[]>> {
    const [first] = volumes;
    if (!first) return new Map();
    const byProject = Map.groupBy(volumes, (volume) => volume.project);
    const named = { option: 'source', values: volumes.map((volume) => volume.name) };
    const [bySource, byPool, ...byInstances] = await Promise.all([
      this.profiles.usedBy(call, named),
      this.profiles.usedBy(call, { option: 'pool', values: [first.pool] }),
      ...[...byProject].map(async ([project, rows]) => {
        const { by_key } = await this.instances.usedBy(call, { kind: 'volume', project, names: rows.map(instanceKey) });
        return rows.map((row): [string, string[]] => [key(row), by_key[instanceKey(row)]?.urls ?? []]);
      }),
    ]);
    const users = new Map(byInstances.flat());
    const inPool = new Set(byPool.by_key[first.pool]?.urls ?? []);
    for (const volume of volumes) {
      const profiles = (bySource.by_key[volume.name]?.urls ?? []).filter((url) => inPool.has(url));
      users.set(key(volume), [...(users.get(key(volume)) ?? []), ...profiles]);
    }
    return users;
  }
}

function key(volume: VolumeRow): string {
  return `${volume.project}/${volume.name}`;
}

function instanceKey(volume: VolumeRow): string {
  return `${volume.pool}/${volume.type}/${volume.name}`;
}
