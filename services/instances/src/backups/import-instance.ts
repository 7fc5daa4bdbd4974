import { Agents } from '@asterism/agents';
import { requireInstanceName } from '@asterism/api';
import { takeBackup, type TakenBackup } from '@asterism/backups';
import { diskKeys, invalidInstanceConfig } from '@asterism/config-keys';
import { fromUnknown, isKind, LxdError } from '@asterism/errors';
import type { backups, common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import type { OperationSpec } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import { Creation, type Prepared } from '../create/creation.js';
import { ownerOf } from '../create/plan.js';
import { invalidDeviceTypes } from '../create/validate-devices.js';
import { expandConfig, expandDevices, rootDisk } from '../expand.js';
import type { Devices, ProfileConfig, SnapshotRow } from '../instance.js';
import { Refused } from '../refusal.js';
import { requireSnapshotName } from '../snapshots/snapshot-tasks.js';
import { TaskParts } from '../task-parts.js';
import { importedInstance, type ImportedInstance, type ImportedState } from './imported-instance.js';

/** Makes instances of archives. What an archive says passes the same checks as what a user asks for. */
@Injectable()
export class ImportInstance {
  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(Creation) private readonly creation: Creation,
  ) {}

  async import(call: CallContext, frames: AsyncIterable<backups.BackupUpload>): Promise<common.OperationAnswer> {
    const taken = await takeBackup(call, this.agents, frames);
    const forget = (): Promise<unknown> => this.agents.on(taken.member).backups.delete(call, { id: taken.id });
    try {
      const imported = importedInstance(taken.index);
      const name = taken.header.name || imported.instance.name;
      const pool = await this.#pool(call, taken, imported);
      const operation = operationOf(taken.header.project, name);
      return await this.#accept(call, { taken, imported: { ...imported, pool }, name }, operation, forget);
    } catch (error) {
      await forget();
      throw error;
    }
  }

  /** Refusals of what the archive wants belong to the operation. */
  async #accept(call: CallContext, wish: ImportWish, operation: OperationSpec, forget: () => Promise<unknown>): Promise<common.OperationAnswer> {
    try {
      const { project } = wish.taken.header;
      if (await this.parts.instances.exists(project, wish.name)) throw new Refused('Create instance from backup: Cannot restore volume, already exists on target');
      return await this.creation.accept(call, await this.#prepare(call, wish), operation);
    } catch (error) {
      if (!(error instanceof LxdError)) throw error;
      await forget();
      return this.admission.fail(call, operation, new Refused(error.message.startsWith('Create instance from') ? error.message : `Failed importing backup: ${error.message}`));
    }
  }

  /** The pool asked for, the archive's own, or that of the default profile where a plain archive's own is not there. */
  async #pool(call: CallContext, { header }: TakenBackup, { pool, optimized }: ImportedInstance): Promise<string> {
    const wanted = header.pool || pool;
    const facts = await this.parts.surroundings.facts(call, header.project, { root: { type: 'disk', [diskKeys.pool.name]: wanted } });
    if (facts.pools[wanted]) return wanted;
    if (header.pool || optimized) throw new LxdError('internal', 'Storage pool not found: Storage pool not found');
    const { profiles } = await this.parts.surroundings.resolve(call, header.project, ['default']);
    const root = rootDisk(expandDevices(profiles, {}));
    if (!root) throw new LxdError('internal', 'Failed to get root disk device: No root device could be found');
    return root.options[diskKeys.pool.name] ?? '';
  }

  async #prepare(call: CallContext, { taken, imported, name }: ImportWish): Promise<Prepared> {
    requireName(name);
    const { project } = taken.header;
    const { instance, pool } = imported;
    const profiles = await this.#profiles(call, project, instance.profiles);
    const devices = inPool(instance.devices, profiles, pool);
    const snapshots: SnapshotRow[] = [];
    for (const snapshot of imported.snapshots) snapshots.push(await this.#snapshot(call, { project, name, pool }, snapshot));
    return {
      wish: { ...instance, project, name, member: taken.member, type: 'container', devices, profiles, trigger: 'import' },
      source: {
        backup: { id: taken.id, member: taken.member, idmaps: Object.fromEntries([['', instance.idmap], ...imported.snapshots.map((snapshot) => [snapshot.name, snapshot.idmap])]) },
        snapshots: snapshots.map((row) => row.name),
      },
      snapshots,
      given: Object.fromEntries(Object.entries(instance.config).filter(([key]) => key.startsWith('volatile.'))),
      times: { createdAt: instance.createdAt, lastUsedAt: instance.lastUsedAt },
    };
  }

  /** A snapshot may be restored one day: what it asks for is judged now. */
  async #snapshot(call: CallContext, { project, name, pool }: { project: string; name: string; pool: string }, state: ImportedState): Promise<SnapshotRow> {
    requireSnapshotName(state.name);
    const refused = invalidInstanceConfig(state.config, ownerOf('container')) ?? invalidDeviceTypes(state.devices);
    if (refused !== undefined) throw new Refused(`Failed creating instance snapshot record ${JSON.stringify(state.name)}: ${refused}`);
    const profiles = await this.#profiles(call, project, state.profiles);
    const devices = inPool(state.devices, profiles, pool);
    const expanded = { expanded_config: expandConfig(profiles, state.config), expanded_devices: expandDevices(profiles, devices) };
    await this.parts.surroundings.check(call, { ...expanded, project, instance_name: name, instance_type: 'container', local_config: state.config, local_devices: devices, is_new: false, current_config: state.config });
    const { architecture, ephemeral, description, config } = state;
    return {
      ...{ id: '', instance_id: '', name: state.name, architecture, ephemeral, stateful: false, description, config, devices, profiles: profiles.map((profile) => profile.name) },
      ...expanded,
      created_at: state.createdAt ?? new Date(),
      expires_at: state.expiresAt ?? null,
    };
  }

  async #profiles(call: CallContext, project: string, names: readonly string[]): Promise<ProfileConfig[]> {
    try {
      return (await this.parts.surroundings.resolve(call, project, names)).profiles;
    } catch (error) {
      throw isKind(error, 'not-found') ? new Refused(fromUnknown(error).message) : error;
    }
  }
}

interface ImportWish {
  taken: TakenBackup;
  imported: ImportedInstance;
  name: string;
}

/** The devices with the root disk in this pool: its own device where the profiles say another one, or none. */
function inPool(devices: Devices, profiles: readonly ProfileConfig[], pool: string): Devices {
  const root = rootDisk(expandDevices(profiles, devices));
  if (root && root.options[diskKeys.pool.name] === pool) return devices;
  return { ...devices, [root?.name ?? 'root']: { ...(root?.options ?? { type: 'disk', path: '/' }), [diskKeys.pool.name]: pool } };
}

function requireName(name: string): void {
  try {
    requireInstanceName(name);
  } catch (error) {
    throw new Refused(`Failed creating instance record: ${fromUnknown(error).message}`);
  }
}

function operationOf(project: string, name: string): OperationSpec {
  return { description: 'Restoring backup', project, resources: { instances: [`/1.0/instances/${name}`], containers: [`/1.0/containers/${name}`] } };
}
