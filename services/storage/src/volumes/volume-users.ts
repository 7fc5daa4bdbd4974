import { Inject, Injectable } from '@nestjs/common';
import { Token, type Instances, type Profiles } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { userUrl } from './volume-urls.js';
import type { VolumeRow } from './volume.store.js';

/** What uses volumes: the instance or image a volume belongs to; instances and profiles that attach a custom one. */
@Injectable()
export class VolumeUsers {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Profiles) private readonly profiles: Profiles,
  ) {}

  /** Of volumes of one pool, by the volume's project and name; snapshots of custom volumes have no users. */
  async usedBy(call: CallContext, volumes: readonly VolumeRow[]): Promise<(volume: VolumeRow) => string[]> {
    const custom = volumes.filter((volume) => volume.type === 'custom' && !volume.name.includes('/'));
    const attached = await this.#attached(call, custom);
    return (volume) => (volume.type === 'custom' ? (attached.get(key(volume)) ?? []) : [userUrl(volume)]);
  }

  async ofOne(call: CallContext, volume: VolumeRow): Promise<string[]> {
    return (await this.usedBy(call, [volume]))(volume);
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
