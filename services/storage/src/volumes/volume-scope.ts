import { Inject, Injectable } from '@nestjs/common';
import { isTrue, projectKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { Token, type Projects, type storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Members } from '../pools/members.js';
import { PoolStore, type PoolRow } from '../pools/pool.store.js';
import { SnapshotStore } from './snapshot.store.js';
import { requireType } from './volume-rules.js';
import { defaultProject } from './volume-urls.js';
import { VolumeStore, type VolumeRow } from './volume.store.js';

export interface Found {
  pool: PoolRow;
  volume: VolumeRow;
}

/** Finds what a request names: its project by that project's features, its pool, its volume. */
@Injectable()
export class VolumeScope {
  constructor(
    @Inject(PoolStore) readonly pools: PoolStore,
    @Inject(VolumeStore) readonly volumes: VolumeStore,
    @Inject(SnapshotStore) readonly snapshots: SnapshotStore,
    @Inject(Members) readonly members: Members,
    @Inject(Token.Projects) private readonly projects: Projects,
  ) {}

  /** Where a project's custom volumes lie: in itself, or in the default project. */
  async customProject(call: CallContext, project: string): Promise<string> {
    if (project === '' || project === defaultProject) return defaultProject;
    const resolved = await this.projects.resolve(call, { project, profiles: [] });
    return isTrue(resolved.project?.config[projectKeys.featuresStorageVolumes.name]) ? project : defaultProject;
  }

  /** For a row that stands: a project that was deleted meanwhile is missing now, since its deletion looks for users after it has begun. */
  async requireStaying(call: CallContext, project: string): Promise<void> {
    if (project !== defaultProject) await this.projects.requireStaying(call, { name: project });
  }

  /** The project's gate of snapshots. */
  async requireSnapshotsAllowed(call: CallContext, project: string): Promise<void> {
    await this.projects.checkSnapshot(call, { name: project || defaultProject });
  }

  async find(call: CallContext, ref: storage.VolumeRef | undefined): Promise<Found> {
    const { pool, volume } = await this.look(call, ref);
    if (!volume?.ready) throw new LxdError('not-found', 'Storage pool volume not found');
    return { pool, volume };
  }

  /** The same where the volume may be missing. */
  async look(call: CallContext, ref: storage.VolumeRef | undefined): Promise<{ pool: PoolRow; project: string; volume: VolumeRow | undefined }> {
    const { pool: poolName, type, name, project: asked, member } = required(ref);
    requireType(type);
    const project = type === 'custom' ? await this.customProject(call, asked) : type === 'image' ? defaultProject : asked || defaultProject;
    const key = { project, type, name, ...(member ? { member } : {}) };
    // A new custom volume may come to any member.
    const anywhere = type === 'custom' && !member;
    const [pool, volume] = await Promise.all([anywhere ? this.pools.get(poolName) : this.pools.getFor(poolName, key), this.volumes.findIn(poolName, key)]);
    return { pool, project, volume };
  }
}

export function required(ref: storage.VolumeRef | undefined): storage.VolumeRef {
  if (!ref) throw new LxdError('bad-request', 'No volume given');
  return ref;
}

/** "volume/snapshot" apart. */
export function splitSnapshot(ref: storage.VolumeRef | undefined): { parent: storage.VolumeRef; snapshot: string } {
  const given = required(ref);
  const at = given.name.indexOf('/');
  if (at < 0) throw new LxdError('bad-request', 'Invalid snapshot name');
  return { parent: { ...given, name: given.name.slice(0, at) }, snapshot: given.name.slice(at + 1) };
}

/** In the words of LXD's database. */
export function missingVolume(ref: { name: string; project: string; type: string; pool: string }): LxdError {
  return new LxdError('not-found', `Storage volume "${ref.name}" in project "${ref.project}" of type "${ref.type}" does not exist on pool "${ref.pool}": Storage volume not found`);
}
