import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { LxdError, isKind } from '@asterism/errors';
import type { storage } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { agentVolume } from './volume-rules.js';
import { VolumeScope, type Found } from './volume-scope.js';
import { defaultProject } from './volume-urls.js';
import { serverUrl, VolumeUsers } from './volume-users.js';

/** Custom volumes in which servers keep their own files. */
@Injectable()
export class ServerFiles {
  constructor(
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(VolumeUsers) readonly users: VolumeUsers,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  /** Refuses what will not do, in LXD's words; what a guest could write to will not either. */
  async keep(call: CallContext, { kind, volume, member, try_only }: storage.ServerFiles): Promise<void> {
    const found = volume === '' ? undefined : await this.#find(call, volume, member);
    if (found && try_only) await this.#requireUnused(call, found);
    const { problem } = await this.agents.on(member).storage.keepOwnFiles(call, { kind, volume: found && agentVolume(found.pool, found.volume), try_only });
    if (problem !== '') throw new LxdError('bad-request', problem);
  }

  async #find(call: CallContext, given: string, member: string): Promise<Found> {
    const [pool = '', name = '', ...rest] = given.split('/');
    if (pool === '' || name === '' || rest.length > 0) throw new LxdError('bad-request', 'Invalid syntax for volume, must be <pool>/<volume>');
    await this.scope.pools.get(pool).catch((error: unknown) => {
      throw isKind(error, 'not-found') ? new LxdError('bad-request', `Unable to load storage pool "${pool}": Storage pool not found`, { cause: error }) : error;
    });
    const found = await this.scope.find(call, { project: defaultProject, pool, type: 'custom', name, member }).catch((error: unknown) => {
      throw isKind(error, 'not-found') ? new LxdError('bad-request', `Failed loading storage volume "${given}" in "default" project: Storage volume not found`, { cause: error }) : error;
    });
    if (found.volume.content_type !== 'filesystem') throw new LxdError('bad-request', `Storage volume "${given}" in "default" project is not filesystem content type`);
    return found;
  }

  async #requireUnused(call: CallContext, { volume }: Found): Promise<void> {
    const users = await this.users.ofOne(call, volume);
    const others = users.filter((url) => url !== serverUrl);
    if (others.length > 0) throw new LxdError('bad-request', `Storage volume "${volume.pool}/${volume.name}" in "default" project is used by ${others[0]}`);
    if ((await this.scope.snapshots.names(volume.id)).length > 0) throw new LxdError('bad-request', 'Storage volumes for use by LXD itself cannot have snapshots');
  }
}
