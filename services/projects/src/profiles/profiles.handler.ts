import { Inject, Injectable } from '@nestjs/common';
import { apiUrl, document, requireMatch, requireUnchanged, sortedMap, untilUnchanged, withoutEmpty } from '@asterism/api';
import { Database, isUniqueViolation } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { common, type Profiles, type profiles } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { plainDevices } from '../gate/gate.js';
import type { ProjectRow } from '../projects/project.store.js';
import { defaultProfile, invalidProfileName } from './profile-name.js';
import { ProfileScope } from './profile-scope.js';
import { ProfileSurroundings } from './profile-surroundings.js';
import type { ProfileRow } from './profile.store.js';

/** The service Profiles. Profiles belong to the project whose features.profiles owns them. */
@Injectable()
export class ProfilesHandler implements Profiles {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ProfileScope) private readonly scope: ProfileScope,
    @Inject(ProfileSurroundings) private readonly surroundings: ProfileSurroundings,
  ) {}

  async list(call: CallContext, request: common.ListRequest): Promise<common.Document> {
    const owner = await this.scope.owner(request.project);
    const rows = await this.scope.store.ofProject(owner.id);
    if (request.recursion === 0) return document(rows.map((row) => apiUrl(['profiles', row.name], { project: owner.name })));
    const usedBy = await this.surroundings.usedBy(call, owner, rows.map((row) => row.name));
    return document(rows.map((row) => profileObject(row, usedBy.get(row.name) ?? [])));
  }

  async get(call: CallContext, request: common.ObjectRef): Promise<common.Document> {
    const owner = await this.scope.owner(request.project);
    const row = await this.#load(owner, request.name, 'Fetch profile: ');
    const usedBy = await this.surroundings.usedBy(call, owner, [row.name]);
    return document(profileObject(row, usedBy.get(row.name) ?? []), profileEtag(row));
  }

  async create(call: CallContext, request: profiles.CreateProfile): Promise<common.Created> {
    const owner = await this.scope.owner(request.project);
    refuse(invalidProfileName(request.name));
    const row = { name: request.name, description: request.description, config: request.config, devices: plainDevices(request.devices) };
    await this.surroundings.requireValid(call, request.project, row);
    await this.scope.requireAllowed(call, owner, row);
    try {
      await this.database.transact(async (unit) => {
        await this.scope.store.insert(unit, { ...stored(row), project_id: owner.id });
        unit.emit(profileEvent(call, 'profile-created', owner, row.name));
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw new LxdError('internal', `Error inserting ${JSON.stringify(row.name)} into database: The profile already exists`);
      throw error;
    }
    return { url: apiUrl(['profiles', row.name], { project: owner.name }) };
  }

  async update(call: CallContext, request: profiles.UpdateProfile): Promise<common.Empty> {
    await untilUnchanged(() => this.#update(call, request));
    return {};
  }

  async #update(call: CallContext, request: profiles.UpdateProfile): Promise<void> {
    const merge = request.mode === common.UpdateMode.MERGE;
    const owner = await this.scope.owner(request.project);
    const row = await this.#load(owner, request.name, `Failed to retrieve profile${merge ? '=' : ' '}${JSON.stringify(request.name)}: `);
    requireMatch(request.if_match, profileEtag(row));
    const next = changed(row, request, merge);
    await this.surroundings.requireValid(call, request.project, next);
    await this.surroundings.requireRootDisks(call, owner, row, next.devices);
    await this.scope.requireAllowed(call, owner, next);
    await this.database.transact(async (unit) => {
      const current = await this.scope.store.lock(unit, owner.id, row.name);
      if (!current) throw new LxdError('not-found', 'Profile not found');
      requireMatch(request.if_match, profileEtag(current));
      requireUnchanged(profileEtag(row), profileEtag(current));
      await this.scope.store.update(unit, { ...stored(next), id: current.id });
      unit.emit(profileEvent(call, 'profile-updated', owner, row.name));
    });
    await this.surroundings.apply(call, owner, row.name);
  }

  async rename(call: CallContext, request: profiles.RenameProfile): Promise<common.Created> {
    const owner = await this.scope.owner(request.project);
    if (request.name === defaultProfile) throw new LxdError('forbidden', 'The "default" profile cannot be renamed');
    refuse(invalidProfileName(request.new_name));
    try {
      await this.database.transact(async (unit) => {
        const row = await this.scope.store.lock(unit, owner.id, request.name);
        if (!row) throw new LxdError('not-found', 'Profile not found');
        if (row.name === request.new_name) throw nameTaken(request.new_name);
        await this.scope.store.rename(unit, row.id, request.new_name);
        unit.emit(profileEvent(call, 'profile-renamed', owner, request.new_name, { old_name: request.name }));
      });
    } catch (error) {
      throw isUniqueViolation(error) ? nameTaken(request.new_name) : error;
    }
    await this.surroundings.apply(call, owner, request.name, request.new_name);
    return { url: apiUrl(['profiles', request.new_name], { project: owner.name }) };
  }

  async delete(call: CallContext, request: common.ObjectRef): Promise<common.Empty> {
    const owner = await this.scope.owner(request.project);
    if (request.name === defaultProfile) throw new LxdError('forbidden', 'The "default" profile cannot be deleted');
    const row = await this.#load(owner, request.name);
    await this.#requireUnused(call, owner, row);
    await this.database.transact(async (unit) => {
      await this.scope.store.delete(unit, row.id);
      unit.emit(profileEvent(call, 'profile-deleted', owner, row.name));
    });
    return {};
  }

  async usedBy(_call: CallContext, request: profiles.UsingDevices): Promise<common.UsedByMany> {
    const by_key: Record<string, common.UsedBy> = {};
    for (const user of await this.scope.store.usingDevices(request.option, request.values)) {
      (by_key[user.value] ??= { urls: [] }).urls.push(apiUrl(['profiles', user.name], { project: user.project }));
    }
    return { by_key };
  }

  /** One that is used is not marked. Between the mark and the second look nobody gets it: who came before is found, who comes after is refused. */
  async #requireUnused(call: CallContext, owner: ProjectRow, row: ProfileRow): Promise<void> {
    const isUsed = async (): Promise<boolean> => ((await this.surroundings.usedBy(call, owner, [row.name])).get(row.name) ?? []).length > 0;
    if (await isUsed()) throw profileInUse();
    await this.scope.store.leave(row.id);
    if (!(await isUsed())) return;
    await this.scope.store.stay(row.id);
    throw profileInUse();
  }

  async #load(owner: ProjectRow, name: string, prefix = ''): Promise<ProfileRow> {
    const row = await this.scope.store.find(owner.id, name);
    if (!row) throw new LxdError('not-found', `${prefix}Profile not found`);
    return row;
  }
}

type Content = Pick<ProfileRow, 'name' | 'description' | 'config' | 'devices'>;

function changed(row: ProfileRow, request: profiles.UpdateProfile, merge: boolean): Content {
  const devices = plainDevices(request.devices);
  return {
    name: row.name,
    description: request.description ?? (merge ? row.description : ''),
    config: merge ? { ...row.config, ...request.config } : request.config,
    devices: merge ? { ...row.devices, ...devices } : devices,
  };
}

function stored(content: Content): Content {
  return { ...content, config: withoutEmpty(content.config), devices: Object.fromEntries(Object.entries(content.devices).map(([name, options]) => [name, withoutEmpty(options)])) };
}

function renderedDevices(row: ProfileRow): object {
  return sortedMap(Object.fromEntries(Object.entries(row.devices).map(([name, options]) => [name, sortedMap(options)])));
}

function profileObject(row: ProfileRow, usedBy: readonly string[]): object {
  return { config: sortedMap(row.config), description: row.description, devices: renderedDevices(row), name: row.name, used_by: usedBy };
}

function profileInUse(): LxdError {
  return new LxdError('internal', 'Profile is currently in use');
}

function profileEtag(row: ProfileRow): unknown {
  return [sortedMap(row.config), row.description, renderedDevices(row)];
}

function profileEvent(call: CallContext, action: string, owner: ProjectRow, name: string, context?: Record<string, unknown>) {
  return lifecycle({ action, source: apiUrl(['profiles', name], { project: owner.name }), project: owner.name, requestor: call.requestor, context });
}

function nameTaken(name: string): LxdError {
  return new LxdError('internal', `Name ${JSON.stringify(name)} already in use`);
}

function refuse(reason: string | undefined): void {
  if (reason !== undefined) throw new LxdError('bad-request', reason);
}
