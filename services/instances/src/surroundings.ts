import { deviceOption, diskKeys, isFalse, isRootDisk, nicBridgedKeys, projectKeys, volatilePrefix } from '@asterism/config-keys';
import { LxdError, isKind } from '@asterism/errors';
import { Token, type InstanceVolumes, type Networks, type Projects, type StoragePools, type agentInstances, type networks, type projects, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import type { Devices, InstanceRow, ProfileConfig } from './instance.js';

/** A project and profiles as they are now. */
export interface ResolvedProject {
  config: Record<string, string>;
  profiles: ProfileConfig[];
}

/** What other services know of the things an instance's devices name. */
export interface DeviceFacts {
  pools: Readonly<Record<string, storage.PoolFact>>;
  networks: Readonly<Record<string, networks.NetworkFact>>;
}

/** Questions to the services around instances: one call each, whatever the number of things asked for. */
@Injectable()
export class Surroundings {
  constructor(
    @Inject(Token.Projects) private readonly projects: Projects,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(Token.Networks) private readonly networks: Networks,
    @Inject(Token.InstanceVolumes) private readonly volumes: InstanceVolumes,
  ) {}

  async resolve(call: CallContext, project: string, profiles: readonly string[]): Promise<ResolvedProject> {
    const resolved = await this.projects.resolve(call, { project, profiles: [...profiles] });
    return {
      config: resolved.project?.config ?? {},
      profiles: resolved.profiles.map((profile) => ({ name: profile.name, config: profile.config, devices: plainDevices(profile.devices) })),
    };
  }

  /** Which of these projects use the profiles of `owner`: itself, and for "default" those without profiles of their own. */
  async sharingProfiles(call: CallContext, owner: string, candidates: readonly string[]): Promise<string[]> {
    const others = owner === 'default' ? candidates.filter((project) => project !== owner) : [];
    const shares = await Promise.all(
      others.map(async (project) => {
        const { config } = await this.resolve(call, project, []);
        return isFalse(config[projectKeys.featuresProfiles.name] || 'false') ? project : undefined;
      }),
    );
    return [owner, ...shares.filter((project) => project !== undefined)];
  }

  /** Asks for all pools and networks that the devices name. */
  async facts(call: CallContext, project: string, devices: Devices): Promise<DeviceFacts> {
    const poolNames = namesOf(devices, 'disk', diskKeys.pool.name);
    const networkNames = namesOf(devices, 'nic', nicBridgedKeys.network.name);
    const [pools, found] = await Promise.all([
      poolNames.length > 0 ? this.pools.lookup(call, { names: poolNames }) : undefined,
      networkNames.length > 0 ? this.networks.lookup(call, { project, names: networkNames }) : undefined,
    ]);
    return { pools: pools?.by_name ?? {}, networks: found?.by_name ?? {} };
  }

  /** The gate: project limits and restrictions; throws where they forbid what is asked for. */
  async check(call: CallContext, check: Omit<projects.InstanceCheck, 'expanded_devices' | 'local_devices'> & { expanded_devices: Devices; local_devices: Devices }): Promise<void> {
    await this.projects.checkInstance(call, { ...check, expanded_devices: protoDevices(check.expanded_devices), local_devices: protoDevices(check.local_devices) });
  }

  /** Everything the instance's agent needs to know to run it. */
  async spec(call: CallContext, row: InstanceRow): Promise<agentInstances.InstanceSpec> {
    const networkNames = namesOf(row.expanded_devices, 'nic', nicBridgedKeys.network.name);
    const found = networkNames.length > 0 ? (await this.networks.lookup(call, { project: row.project, names: networkNames })).by_name : {};
    const devices: Record<string, agentInstances.DeviceSpec> = {};
    for (const [name, options] of Object.entries(row.expanded_devices)) {
      const network = options[deviceOption.type] === 'nic' ? found[options[nicBridgedKeys.network.name] ?? ''] : undefined;
      devices[name] = { options: withVolatileOptions(row, name, options), network, volume_path: await this.customVolumePath(call, row, options) };
    }
    return {
      id: row.id,
      project: row.project,
      name: row.name,
      type: row.type,
      architecture: row.architecture,
      ephemeral: row.ephemeral,
      config: row.expanded_config,
      devices,
      pool: row.pool,
      pool_driver: row.pool_driver,
      volume_path: row.volume_path,
      profiles: row.profiles,
      local_config: row.config,
      local_devices: protoDevices(row.devices),
      description: row.description,
      created_at_ms: row.created_at.getTime(),
    };
  }

  private async customVolumePath(call: CallContext, row: InstanceRow, options: Record<string, string>): Promise<string> {
    const pool = options[diskKeys.pool.name];
    if (options[deviceOption.type] !== 'disk' || !pool || isRootDisk(options)) return '';
    const project = await this.volumeProject(call, row.project);
    const located = await this.volumes.locate(call, { project, pool, type: 'custom', name: options[diskKeys.source.name] ?? '' }).catch((error: unknown) => {
      if (isKind(error, 'not-found')) throw new LxdError('not-found', `Failed to start device: Storage volume "${options[diskKeys.source.name]}" not found`, { cause: error });
      throw error;
    });
    return located.path;
  }

  /** Custom volumes of a project without its own belong to "default". */
  private async volumeProject(call: CallContext, project: string): Promise<string> {
    if (project === 'default') return project;
    const { config } = await this.resolve(call, project, []);
    return isFalse(config[projectKeys.featuresStorageVolumes.name] || 'false') ? 'default' : project;
  }
}

/** Device options with the volatile facts their drivers read under short names. */
function withVolatileOptions(row: InstanceRow, device: string, options: Record<string, string>): Record<string, string> {
  const prefix = `${volatilePrefix}${device}.`;
  const merged: Record<string, string> = {};
  for (const [key, value] of Object.entries(row.config)) if (key.startsWith(prefix)) merged[key.slice(prefix.length)] = value;
  return { ...merged, ...options };
}

/** Whether resolve() failed over a profile, not over the project. */
export function isUnknownProfile(error: unknown): error is LxdError {
  return isKind(error, 'not-found') && error.message.startsWith('Requested profile');
}

export function namesOf(devices: Devices, type: string, option: string): string[] {
  const names = Object.values(devices).map((options) => (options[deviceOption.type] === type ? options[option] : undefined));
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}

export function plainDevices(devices: Readonly<Record<string, { options: Record<string, string> }>>): Devices {
  return Object.fromEntries(Object.entries(devices).map(([name, device]) => [name, device.options]));
}

export function protoDevices(devices: Devices): Record<string, { options: Record<string, string> }> {
  return Object.fromEntries(Object.entries(devices).map(([name, options]) => [name, { options }]));
}
