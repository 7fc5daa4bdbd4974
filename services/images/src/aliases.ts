import { document, matchesFilter, parseFilter, requireMatch } from '@asterism/api';
import { Database, isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { Token, type Projects, common, type images } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { changeAlias, deleteAlias, findAlias, insertAlias, listAliases, lockAlias, renameAlias, type AliasRow } from './alias.store.js';
import { findImage } from './find-image.js';
import { aliasUrl, imageProject } from './image-project.js';

interface AliasEvent {
  action: string;
  project: string;
  name: string;
  context?: Record<string, unknown>;
}

/** Names of images. */
@Injectable()
export class Aliases {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Token.Projects) private readonly projects: Projects,
  ) {}

  async list(call: CallContext, request: images.ListImages): Promise<common.Document> {
    const { project, recursion, filter } = request.list!;
    const rows = await listAliases(this.database, await imageProject(call, this.projects, project), request.public_only);
    const clauses = parseFilter(filter);
    const matching = rows.map(aliasJson).filter((alias) => matchesFilter(alias, clauses));
    return document(recursion > 0 ? matching : matching.map((alias) => aliasUrl(project, alias.name)));
  }

  async get(call: CallContext, request: images.AliasRef): Promise<common.Document> {
    const owner = await imageProject(call, this.projects, request.project);
    const row = await this.#find(this.database, owner, request.name);
    if (request.public_only && !row.public) throw notFound();
    return document(aliasJson(row), aliasJson(row));
  }

  async create(call: CallContext, request: images.CreateAliasRequest): Promise<common.Created> {
    const { project, name, description } = request;
    if (name === '' || request.target === '') throw new LxdError('bad-request', 'name and target are required');
    refuseControlCharacters(name);
    const owner = await imageProject(call, this.projects, project);
    const { fingerprint: target } = await findImage(this.database, owner, request.target);
    await this.#write(name, async (unit) => {
      await insertAlias(unit, { project: owner, name }, { description, target });
      this.#emit(unit, call, { action: 'image-alias-created', project, name, context: { target: request.target } });
    });
    return { url: aliasUrl(project, name) };
  }

  async update(call: CallContext, request: images.UpdateAliasRequest): Promise<common.Empty> {
    const { project, name } = request;
    const owner = await imageProject(call, this.projects, project);
    await this.database.transact(async (unit) => {
      await lockAlias(unit, { project: owner, name });
      const row = await this.#find(unit, owner, name);
      requireMatch(request.if_match, aliasJson(row));
      const isMerge = request.mode === common.UpdateMode.MERGE;
      const target = request.target ?? (isMerge ? row.target : '');
      if (target === '') throw new LxdError('bad-request', 'The target field is required');
      const { fingerprint } = await findImage(unit, owner, target);
      const description = request.description ?? (isMerge ? row.description : '');
      await changeAlias(unit, { project: owner, name }, { description, target: fingerprint });
      this.#emit(unit, call, { action: 'image-alias-updated', project, name, context: { target } });
    });
    return {};
  }

  async rename(call: CallContext, request: images.RenameAliasRequest): Promise<common.Created> {
    const { project, name, new_name } = request;
    if (new_name === '') throw new LxdError('bad-request', 'Alias name may not be empty');
    refuseControlCharacters(new_name);
    const owner = await imageProject(call, this.projects, project);
    await this.#write(new_name, async (unit) => {
      // LXD refuses a name that is taken before it looks for the alias itself, its own name included.
      if (await findAlias(unit, { project: owner, name: new_name })) throw taken(new_name);
      await this.#find(unit, owner, name);
      await renameAlias(unit, { project: owner, name }, new_name);
      this.#emit(unit, call, { action: 'image-alias-renamed', project, name: new_name, context: { old_name: name } });
    });
    return { url: aliasUrl(project, new_name) };
  }

  async delete(call: CallContext, request: images.AliasRef): Promise<common.Empty> {
    const { project, name } = request;
    const owner = await imageProject(call, this.projects, project);
    await this.database.transact(async (unit) => {
      await this.#find(unit, owner, name);
      await deleteAlias(unit, { project: owner, name });
      this.#emit(unit, call, { action: 'image-alias-deleted', project, name });
    });
    return {};
  }

  async #find(reader: Pick<Unit, 'query'>, owner: string, name: string): Promise<AliasRow> {
    const row = await findAlias(reader, { project: owner, name });
    if (!row) throw notFound();
    return row;
  }

  async #write(name: string, work: (unit: Unit) => Promise<void>): Promise<void> {
    try {
      await this.database.transact(work);
    } catch (error) {
      if (isUniqueViolation(error)) throw taken(name);
      throw error;
    }
  }

  #emit(unit: Unit, call: CallContext, { action, project, name, context }: AliasEvent): void {
    unit.emit(lifecycle({ action, source: aliasUrl(project, name), project: project || 'default', requestor: call.requestor, context }));
  }
}

/** LXD's ImageAliasesEntry, fields in its order. */
function aliasJson({ description, target, name, type }: AliasRow): Omit<AliasRow, 'public'> {
  return { description, target, name, type };
}

function notFound(): LxdError {
  return new LxdError('not-found', 'Image alias not found');
}

function taken(name: string): LxdError {
  return new LxdError('conflict', `Alias ${JSON.stringify(name)} already exists`);
}

function refuseControlCharacters(name: string): void {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name)) throw new LxdError('bad-request', `Invalid alias name ${JSON.stringify(name)}`);
}
