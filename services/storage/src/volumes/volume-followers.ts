import { Inject, Injectable } from '@nestjs/common';
import { deviceOption, diskKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { common, Token, type Instances, type Profiles } from '@asterism/proto';
import { systemCall, type CallContext } from '@asterism/rpc';
import { VolumeScope } from './volume-scope.js';
import type { VolumeRow } from './volume.store.js';

type Devices = Record<string, Record<string, string>>;

/** Those who name a custom volume among their devices: told when it has another name or pool, also after a crash. */
@Injectable()
export class VolumeFollowers {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Profiles) private readonly profiles: Profiles,
  ) {}

  /** Refuses while a running instance uses the volume. */
  async requireStill(call: CallContext, { project, pool, name }: VolumeRow): Promise<void> {
    await this.instances.requireVolumeStill(call, { project, pool, name, new_pool: '', new_name: '' });
  }

  /** Tells everybody of the volumes that moved; profiles first, since instances have devices from them. */
  async tell(call: CallContext = systemCall()): Promise<void> {
    for (const { id, moved_from } of await this.scope.volumes.moved()) {
      const volume = await this.scope.volumes.byId(id);
      const [pool = '', name = ''] = moved_from.split('/');
      if (!volume?.ready) continue;
      await this.#followInProfiles(call, volume, { pool, name });
      await this.instances.followVolume(call, { project: volume.project, pool, name, new_pool: volume.pool, new_name: volume.name });
      await this.database.transact((unit) => this.scope.volumes.setMovedFrom(unit, id, ''));
    }
  }

  async #followInProfiles(call: CallContext, volume: VolumeRow, old: { pool: string; name: string }): Promise<void> {
    const { by_key } = await this.profiles.usedBy(call, { option: diskKeys.source.name, values: [old.name] });
    for (const url of by_key[old.name]?.urls ?? []) {
      const { pathname, searchParams } = new URL(url, 'http://profiles');
      const ref = { project: searchParams.get('project') ?? 'default', name: decodeURIComponent(pathname.split('/').at(-1) ?? '') };
      if ((await this.scope.customProject(call, ref.project)) !== volume.project) continue;
      const { description, config, devices } = JSON.parse((await this.profiles.get(call, ref)).json.toString()) as { description: string; config: Record<string, string>; devices: Devices };
      const isIt = (options: Record<string, string>): boolean => options[deviceOption.type] === 'disk' && options[diskKeys.pool.name] === old.pool && options[diskKeys.source.name] === old.name;
      if (!Object.values(devices).some(isIt)) continue;
      const renamed = { [diskKeys.pool.name]: volume.pool, [diskKeys.source.name]: volume.name };
      const followed = Object.entries(devices).map(([device, options]) => [device, { options: isIt(options) ? { ...options, ...renamed } : options }] as const);
      await this.profiles.update(call, { ...ref, description, config, devices: Object.fromEntries(followed), mode: common.UpdateMode.REPLACE, if_match: '' });
    }
  }
}
