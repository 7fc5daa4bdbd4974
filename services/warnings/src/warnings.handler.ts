import { Inject, Injectable } from '@nestjs/common';
import { document, matchesFilter, parseFilter, requireMatch } from '@asterism/api';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import type { common, Warnings, warnings } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { settling } from './settle.js';
import { WarningStore, type WarningRow } from './warning.store.js';

/** What a user may make of a warning, and the action that tells of it. */
const settable: Readonly<Record<string, string>> = { new: 'warning-reset', acknowledged: 'warning-acknowledged' };

/** The service Warnings: trouble that no request could be told of. */
@Injectable()
export class WarningsHandler implements Warnings {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WarningStore) private readonly store: WarningStore,
  ) {}

  async list(_call: CallContext, request: common.ListRequest): Promise<common.Document> {
    const clauses = parseFilter(request.filter);
    const shown = (await this.store.list(request.all_projects ? '' : request.project)).map(warningObject).filter((warning) => matchesFilter(warning, clauses));
    return document(request.recursion === 0 ? shown.map((warning) => warningPath(warning.uuid)) : shown);
  }

  async get(_call: CallContext, { uuid }: warnings.WarningRef): Promise<common.Document> {
    return document(warningObject(await this.#load(uuid)));
  }

  async update(call: CallContext, request: warnings.UpdateWarning): Promise<common.Empty> {
    const action = settable[request.status];
    if (request.status === 'resolved') throw new LxdError('forbidden', 'Status may only be set to "acknowledge" or "new"');
    if (!action) throw new LxdError('bad-request', `Invalid warning type ${JSON.stringify(request.status)}`);
    const warning = await this.#load(request.uuid);
    requireMatch(request.if_match, warningObject(warning));
    await this.database.transact(async (unit) => {
      await this.store.setStatus(unit, warning.uuid, request.status);
      unit.emit(lifecycle({ action, source: warningPath(warning.uuid), project: warning.project || 'default', requestor: call.requestor }));
    });
    return {};
  }

  async delete(call: CallContext, { uuid }: warnings.WarningRef): Promise<common.Empty> {
    const warning = await this.#load(uuid);
    await this.database.transact(async (unit) => {
      await this.store.delete(unit, warning.uuid);
      unit.emit(lifecycle({ action: 'warning-deleted', source: warningPath(warning.uuid), project: warning.project || 'default', requestor: call.requestor }));
    });
    return {};
  }

  async raise(_call: CallContext, request: warnings.RaiseWarning): Promise<common.Empty> {
    await this.database.transact((unit) => this.store.raise(unit, request));
    return {};
  }

  async resolve(_call: CallContext, request: warnings.ResolveWarnings): Promise<common.Empty> {
    await this.database.transact((unit) => this.store.resolve(unit, request));
    return {};
  }

  async settle(_call: CallContext, { types, location, warnings: current }: warnings.CurrentWarnings): Promise<common.Empty> {
    const { raise, resolve } = settling(await this.store.ofTypes(types, location), current);
    if (raise.length === 0 && resolve.length === 0) return {};
    await this.database.transact(async (unit) => {
      for (const warning of raise) await this.store.raise(unit, warning);
      for (const { uuid } of resolve) await this.store.setStatus(unit, uuid, 'resolved');
    });
    return {};
  }

  async #load(uuid: string): Promise<WarningRow> {
    const warning = await this.store.find(uuid);
    if (!warning) throw new LxdError('not-found', 'Warning not found');
    return warning;
  }
}

function warningPath(uuid: string): string {
  return `/1.0/warnings/${uuid}`;
}

function warningObject(row: WarningRow) {
  const { status, uuid, location, project, type, count, first_seen_at, last_seen_at, last_message, severity, entity_url } = row;
  return { status, uuid, location, project, type, count, first_seen_at: first_seen_at.toISOString(), last_seen_at: last_seen_at.toISOString(), last_message, severity, entity_url };
}
