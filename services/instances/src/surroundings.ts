import { Agents } from '@asterism/agents';
import { withoutEmpty } from '@asterism/api';
import { deviceOption, diskKeys, isFalse, isRootDisk, isTrue, nicBridgedKeys, projectKeys, volatilePrefix } from '@asterism/config-keys';
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
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  async resolve(call: CallContext, project: string, profiles: readonly string[]): Promise<ResolvedProject> {
    const resolved = await this.projects.resolve(call, { project, profiles: [...profiles] });
    return {
      config: resolved.project?.config ?? {},
      profiles: resolved.profiles.map((profile) => ({ name: profile.name, config: profile.config, devices: plainDevices(profile.devices) })),
    };
  }

  /** For a row that stands: a project or profile that was deleted meanwhile is missing now, since deletions look for users after they have begun. */
  async requireOwners(call: CallContext, { project, profiles }: { project: string; profiles: readonly string[] }): Promise<void> {
    if (project !== 'default') await this.projects.requireStaying(call, { name: project });
    const mortal = profiles.filter((name) => name !== 'default');
    if (mortal.length > 0) await this.resolve(call, project, mortal);
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

  /** Asks for all pools and networks that the devices name; a bridge named as parent may be a managed network too. */
  async facts(call: CallContext, project: string, devices: Devices): Promise<DeviceFacts> {
    const poolNames = namesOf(devices, 'disk', diskKeys.pool.name);
    const networkNames = [...new Set([nicBridgedKeys.network, nicBridgedKeys.parent].flatMap((key) => namesOf(devices, 'nic', key.name)))];
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

  /** The gate of snapshots. */
  async checkSnapshot(call: CallContext, project: string): Promise<void> {
    await this.projects.checkSnapshot(call, { name: project });
  }

  /** The gate of backups. */
  async checkBackup(call: CallContext, project: string): Promise<void> {
    await this.projects.checkBackup(call, { name: project });
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
    return specOf(row, devices);
  }

  /** Enough of a spec for an agent to forget the instance: nothing is looked up, so that what is gone does not hold it. */
  bareSpec(row: InstanceRow): agentInstances.InstanceSpec {
    const devices = Object.entries(row.expanded_devices).map(([name, options]) => [name, { options: withVolatileOptions(row, name, options), network: undefined, volume_path: '' }] as const);
    return specOf(row, Object.fromEntries(devices));
  }

  /** Refuses devices whose pool, volume or host path does not exist, in LXD's words. */
  async requireSources(call: CallContext, row: Pick<InstanceRow, 'project' | 'member'>, devices: Devices, facts: DeviceFacts): Promise<void> {
    const disks = Object.entries(devices).filter(([, options]) => options[deviceOption.type] === 'disk' && !isRootDisk(options));
    for (const [name, options] of disks) {
      const pool = options[diskKeys.pool.name];
      if (!pool) continue;
      const reason = facts.pools[pool] ? await this.missingVolume(call, row, options) : `Failed to get storage pool "${pool}": Storage pool not found`;
      if (reason !== undefined) throw new LxdError('not-found', `Failed add validation for device "${name}": ${reason}`);
    }
    const paths = new Map(disks.filter(([, options]) => isRequiredPath(options)).map(([name, options]) => [name, options[diskKeys.source.name] ?? '']));
    if (paths.size === 0) return;
    const missing = await this.agents.on(row.member).host.missingPaths(call, { paths: [...paths.values()] });
    const [bad] = [...paths].filter(([, path]) => missing.paths.includes(path));
    if (bad) throw new LxdError('internal', `Failed add validation for device "${bad[0]}": Missing source path "${bad[1]}" for disk "${bad[0]}"`);
  }

  private async missingVolume(call: CallContext, row: Pick<InstanceRow, 'project' | 'member'>, options: Record<string, string>): Promise<string | undefined> {
    return this.customVolumePath(call, row, options).then(
      () => undefined,
      (error: unknown) => {
        if (!isKind(error, 'not-found')) throw error;
        return 'Failed loading custom volume: Storage volume not found';
      },
    );
  }

  /** Where a custom volume lies on the instance's member; empty for other devices. */
  private async customVolumePath(call: CallContext, { project, member }: Pick<InstanceRow, 'project' | 'member'>, options: Record<string, string>): Promise<string> {
    const pool = options[diskKeys.pool.name];
    if (options[deviceOption.type] !== 'disk' || !pool || isRootDisk(options)) return '';
    const owner = await this.volumeProject(call, project);
    const located = await this.volumes.locate(call, { project: owner, pool, type: 'custom', name: options[diskKeys.source.name] ?? '', member });
    return located.path;
  }

  /** Custom volumes of a project without its own belong to "default". */
  async volumeProject(call: CallContext, project: string): Promise<string> {
    if (project === 'default') return project;
    const { config } = await this.resolve(call, project, []);
    return isFalse(config[projectKeys.featuresStorageVolumes.name] || 'false') ? 'default' : project;
  }
}

function specOf(row: InstanceRow, devices: Record<string, agentInstances.DeviceSpec>): agentInstances.InstanceSpec {
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

/** A bind mount that the instance cannot do without. */
function isRequiredPath(options: Record<string, string>): boolean {
  const optional = isFalse(options[diskKeys.required.name]) || isTrue(options[diskKeys.optional.name]);
  return !optional && !options[diskKeys.pool.name] && (options[diskKeys.source.name] ?? '').startsWith('/');
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
  return Object.fromEntries(Object.entries(devices).map(([name, device]) => [name, withoutEmpty(device.options)]));
}

export function protoDevices(devices: Devices): Record<string, { options: Record<string, string> }> {
  return Object.fromEntries(Object.entries(devices).map(([name, options]) => [name, { options }]));
}
