import { isDeepStrictEqual } from 'node:util';
import { requireInstanceName, requireMatch } from '@asterism/api';
import { diskKeys } from '@asterism/config-keys';
import type { Unit } from '@asterism/database';
import { LxdError, isKind } from '@asterism/errors';
import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import { etagOf, isRunning, type Devices, type InstanceRow } from '../instance.js';
import { rootDisk } from '../expand.js';
import { InstanceTasks } from '../instance-tasks.js';
import { allowedGroups, Placement, requireMayTarget } from '../placement/placement.js';
import { refOf } from '../power/power.js';
import { Refused } from '../refusal.js';
import { Moves } from '../rename/moves.js';
import { requireMovable } from '../rename/move-instance.js';
import { requireRenamable } from '../rename/rename-instance.js';
import { restoredWish } from '../snapshots/restore-instance.js';
import { requireFreeNics } from '../nic-conflicts.js';
import { isUnknownProfile, plainDevices } from '../surroundings.js';
import { TaskParts } from '../task-parts.js';
import { changedRow, mergeWish, type Changed, type Wish } from './plan.js';
import { updateInput } from './update-instance.js';

const attempts = 64;

/** The instance is not what the change was planned for. */
class ChangedMeanwhile extends LxdError {
  constructor() {
    super('conflict', 'The instance was changed meanwhile');
  }
}

/** Holds a planned change to the state it was planned for. */
function unlessChanged(planned: InstanceRow, ifMatch: string): (unit: Unit, now: InstanceRow) => void {
  const base = ({ config, devices, profiles, ephemeral, description, architecture }: InstanceRow): unknown[] => [config, devices, profiles, ephemeral, description, architecture];
  return (_unit, now) => {
    requireMatch(ifMatch, etagOf(now));
    if (!isDeepStrictEqual(base(planned), base(now))) throw new ChangedMeanwhile();
  };
}

/** Changes of config, devices, profiles and name. */
@Injectable()
export class Changes {
  constructor(
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(Placement) private readonly placement: Placement,
    @Inject(Moves) private readonly moves: Moves,
  ) {}

  /** PUT: refusals of the new state fail in the operation; a stale ETag is refused at once. */
  async replace(call: CallContext, request: instances.UpdateInstance): Promise<common.OperationAnswer> {
    const current = await this.rowOf(request);
    if (request.restore) return this.restore(call, current, request);
    const operation = { input: { project: current.project, name: current.name }, description: 'Updating instance' };
    return this.untilSettled(request, async (row) => {
      const changed = await this.plan(call, row, wishOf(request));
      const change = { ...operation, input: updateInput(row, changed), busy: 'update', accept: unlessChanged(row, request.if_match) } as const;
      return this.admission.open(call, this.definitions.update, change);
    }).catch((error: unknown) => {
      if (!(error instanceof LxdError) || error.kind !== 'internal') throw error;
      return this.admission.fail(call, { ...operation, project: current.project, resources: resourcesOf(current) }, error);
    });
  }

  /** PATCH: done when it answers. */
  async patch(call: CallContext, request: instances.UpdateInstance): Promise<void> {
    await this.untilSettled(request, async (row) => this.perform(call, row, await this.plan(call, row, mergeWish(row, wishOf(request))), request.if_match));
  }

  async rename(call: CallContext, request: instances.RenameInstance): Promise<common.OperationAnswer> {
    const { project, name, view } = refOf(request.instance);
    const current = await this.parts.instances.get(project, name, view);
    if (request.pool || request.target) return this.move(call, current, request);
    requireInstanceName(request.new_name);
    if (await this.parts.instances.exists(project, request.new_name)) throw new LxdError('conflict', `Name "${request.new_name}" already in use`);
    return this.admission.open(call, this.definitions.rename, {
      input: { project, name, newName: request.new_name },
      view,
      busy: 'rename',
      description: 'Renaming instance',
      accept: async (unit, row) => {
        requireRenamable(row);
        await this.parts.instances.takeName(unit, row, request.new_name);
      },
    });
  }

  /** To another pool or member, and to another name where one is given; refused as any change of the root disk would be. */
  private async move(call: CallContext, row: InstanceRow, request: instances.RenameInstance): Promise<common.OperationAnswer> {
    const { project, name } = row;
    const newName = request.new_name || name;
    requireInstanceName(newName);
    if (newName !== name && (await this.parts.instances.exists(project, newName))) throw new LxdError('conflict', `Name "${newName}" already in use`);
    const projectConfig = (await this.parts.surroundings.resolve(call, project, [])).config;
    requireMayTarget(projectConfig, { target: request.target ?? '', by_restricted: request.by_restricted });
    const member = request.target ? this.target(request.target, projectConfig) : row.member;
    if (request.target && member === row.member) return this.admission.fail(call, { description: 'Migrating instance', project, resources: resourcesOf(row) }, new Refused("Target must be different than instance's current location"));
    const poolName = request.pool || row.pool;
    if (poolName === row.pool && member === row.member) throw new LxdError('bad-request', 'Requested storage pool is the same as current pool');
    const root = rootDisk(row.expanded_devices);
    const device = root ? { [root.name]: { ...root.options, [diskKeys.pool.name]: poolName } } : {};
    const facts = await this.parts.surroundings.facts(call, project, device);
    const pool = facts.pools[poolName];
    if (!pool?.members.includes(member)) throw new LxdError('not-found', 'Storage pool not found');
    if (member !== row.member) {
      const refused = await this.moves.requireArrival(call, row, member).catch((error: unknown) => error);
      if (refused instanceof Refused) return this.admission.fail(call, { description: 'Migrating instance', project, resources: resourcesOf(row) }, refused);
      if (refused !== undefined) throw refused;
    }
    await this.checkGate(call, row, { ...row, devices: { ...row.devices, ...device }, expanded_devices: { ...row.expanded_devices, ...device } });
    return this.admission.open(call, this.definitions.move, {
      input: { project, name, newName, pool: poolName, poolDriver: pool.driver, member },
      busy: 'rename',
      description: 'Migrating instance',
      accept: async (unit, now) => {
        requireMovable(now, member);
        await this.parts.instances.takeName(unit, now, newName);
      },
    });
  }

  private target(target: string, project: Readonly<Record<string, string>>): string {
    try {
      return this.placement.requireOpen(target, allowedGroups(project));
    } catch (error) {
      throw isKind(error, 'not-found') ? new LxdError('not-found', `Failed to get target node: ${error.message}`, { cause: error }) : error;
    }
  }

  /** A profile changed: expands its users anew and reaches those that run before it answers. */
  async applyProfile(call: CallContext, request: instances.ProfileChanged): Promise<void> {
    const projects = await this.parts.surroundings.sharingProfiles(call, request.project, await this.parts.instances.projects());
    for (const { project, name } of await this.parts.instances.usingProfile(projects, request.profile)) {
      await this.untilSettled({ instance: { project, name, view: '' }, if_match: '' }, async (row) => {
        const profiles = row.profiles.map((each) => (request.new_name && each === request.profile ? request.new_name : each));
        const changed = await this.plan(call, row, { config: row.config, devices: row.devices, profiles, ephemeral: row.ephemeral, description: row.description });
        await this.perform(call, row, changed, '');
      });
    }
  }

  /** Gives an instance other devices without anybody having asked; undefined leaves it alone. */
  async replaceDevices(call: CallContext, { project, name }: InstanceRow, devicesOf: (row: InstanceRow) => Devices | undefined): Promise<void> {
    await this.untilSettled({ instance: { project, name, view: '' }, if_match: '' }, async (row) => {
      const devices = devicesOf(row);
      if (!devices) return;
      await this.perform(call, row, await this.plan(call, row, { config: row.config, devices, profiles: row.profiles, ephemeral: row.ephemeral, description: row.description }), '');
    });
  }

  /** Plans anew while others change the instance between the plan and its acceptance. */
  private async untilSettled<T>(request: Pick<instances.UpdateInstance, 'instance' | 'if_match'>, change: (row: InstanceRow) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await change(await this.rowOf(request));
      } catch (error) {
        if (!(error instanceof ChangedMeanwhile) || attempt === attempts) throw error;
      }
    }
  }

  private async perform(call: CallContext, row: InstanceRow, changed: Changed, ifMatch: string): Promise<void> {
    await this.admission.perform(call, this.definitions.update, {
      input: updateInput(row, changed),
      busy: 'update',
      description: 'Updating instance',
      accept: unlessChanged(row, ifMatch),
    });
  }

  /** Back to a snapshot: the same checks as for any other change, then volume and row. */
  private async restore(call: CallContext, row: InstanceRow, request: instances.UpdateInstance): Promise<common.OperationAnswer> {
    const { project, name } = row;
    const description = 'Restoring snapshot';
    const wanted = request.restore.startsWith(`${name}/`) ? request.restore.slice(name.length + 1) : request.restore;
    const snapshot = (await this.parts.snapshots.of(row.id)).find((each) => each.name === wanted);
    if (!snapshot) return this.admission.fail(call, { description, project, resources: resourcesOf(row) }, new Refused(`Snapshot ${name}/${wanted} does not exist`));
    const changed = await this.plan(call, row, restoredWish(row, snapshot));
    const input = { project, name, snapshot: snapshot.name, changed, wasRunning: isRunning(row) };
    return this.admission.open(call, this.definitions.restore, {
      input,
      busy: 'restore',
      description,
      accept: (_unit, now) => {
        if (isRunning(now) !== input.wasRunning) throw new Refused('Instance changed its state meanwhile');
      },
    });
  }

  /** Everything that may forbid the change, and what the row becomes. */
  private async plan(call: CallContext, row: InstanceRow, wish: Wish): Promise<Changed> {
    if (new Set(wish.profiles).size < (wish.profiles?.length ?? 0)) throw new LxdError('bad-request', 'Duplicate profile found in request');
    const resolved = await this.parts.surroundings.resolve(call, row.project, wish.profiles ?? []).catch((error: unknown) => {
      throw isUnknownProfile(error) ? new LxdError('not-found', 'Profile not found', { cause: error }) : error;
    });
    const devices = Object.assign({}, ...resolved.profiles.map((profile) => profile.devices), wish.devices) as Wish['devices'];
    const facts = await this.parts.surroundings.facts(call, row.project, devices);
    const changed = changedRow(row, wish, resolved.profiles, facts);
    await this.parts.surroundings.requireSources(call, row, newDevices(row, changed), facts);
    await requireFreeNics(this.parts.instances, newDevices(row, changed), { owner: row, all: changed.expanded_devices, facts });
    await this.checkGate(call, row, changed);
    return changed;
  }

  private checkGate(call: CallContext, row: InstanceRow, next: Pick<Changed, 'config' | 'devices' | 'expanded_config' | 'expanded_devices'>): Promise<void> {
    return this.parts.surroundings.check(call, {
      project: row.project,
      instance_name: row.name,
      instance_type: row.type,
      expanded_config: next.expanded_config,
      expanded_devices: next.expanded_devices,
      local_config: next.config,
      local_devices: next.devices,
      is_new: false,
      current_config: row.config,
    });
  }

  private async rowOf(request: Pick<instances.UpdateInstance, 'instance' | 'if_match'>): Promise<InstanceRow> {
    const { project, name, view } = refOf(request.instance);
    const row = await this.parts.instances.get(project, name, view);
    requireMatch(request.if_match, etagOf(row));
    return row;
  }
}

/** Devices that were not there before, or not so. */
function newDevices(row: InstanceRow, changed: Changed): Devices {
  return Object.fromEntries(Object.entries(changed.expanded_devices).filter(([name, options]) => !isDeepStrictEqual(options, row.expanded_devices[name])));
}

function wishOf(request: instances.UpdateInstance): Wish {
  return {
    architecture: request.architecture,
    description: request.description,
    ephemeral: request.ephemeral,
    config: request.config,
    devices: plainDevices(request.devices),
    profiles: request.profiles?.names,
  };
}

function resourcesOf(row: InstanceRow): Record<string, string[]> {
  return { instances: [`/1.0/instances/${row.name}`], containers: [`/1.0/containers/${row.name}`] };
}
