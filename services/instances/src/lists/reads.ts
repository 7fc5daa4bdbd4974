import { apiUrl, etag, matchesFilter, parseFilter, type FilterClause } from '@asterism/api';
import { LxdError, fromUnknown } from '@asterism/errors';
import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { InstanceBackups } from '../backups/instance-backups.js';
import { etagOf, statusCodes } from '../instance.js';
import { InstanceStore } from '../instance.store.js';
import { DocumentStore, type RenderedInstance, type Selection } from './document.store.js';
import { KeptLists, type KeptList } from './kept-lists.js';
import { narrowing } from './narrowing.js';
import { PagedLists } from './paged-lists.js';
import { rendered } from './rendered.js';
import { States, stoppedState } from './states.js';

/** Lists and single objects, as the API shows them. */
@Injectable()
export class Reads {
  constructor(
    @Inject(DocumentStore) private readonly documents: DocumentStore,
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(KeptLists) private readonly lists: KeptLists,
    @Inject(PagedLists) private readonly pages: PagedLists,
    @Inject(States) private readonly states: States,
    @Inject(InstanceBackups) private readonly backups: InstanceBackups,
  ) {}

  async list(call: CallContext, request: instances.ListInstances): Promise<common.Document> {
    const list = request.list ?? { project: 'default', all_projects: false, recursion: 0, filter: '', visible_projects: [] };
    const selection: Selection = { projects: list.all_projects ? list.visible_projects : [list.project], type: typeOf(request) };
    const clauses = clausesOf(list.filter);
    const view = { kind: request.view || 'instances', recursion: list.recursion };
    const kept = await this.kept(selection, clauses, request.page);
    if (!kept) {
      const { rows, next } = await this.pages.of(selection, clauses, { page: request.page!, recursion: list.recursion });
      return { ...(await this.shown(call, rows, view)), ...(next === undefined ? {} : { next }) };
    }
    if (clauses.length === 0) return list.recursion === 1 ? { json: kept.json(), etag: '' } : this.shown(call, kept.rows, view);
    return this.shown(call, kept.rows.filter((row) => matchesFilter(JSON.parse(row.json), clauses)), view);
  }

  /** The whole of a list that is not so long, or that must come as a whole. */
  private async kept(selection: Selection, clauses: readonly FilterClause[], page: common.Page | undefined): Promise<KeptList | undefined> {
    if (!page) return this.lists.of(selection);
    return page.limit > 0 || page.after !== '' || narrowing(clauses).length > 0 ? undefined : this.lists.ofShort(selection);
  }

  private async shown(call: CallContext, rows: readonly RenderedInstance[], { kind, recursion }: { kind: string; recursion: number }): Promise<common.Document> {
    if (recursion === 0) return rendered(JSON.stringify(rows.map(({ name, project }) => apiUrl([kind, name], { project }))));
    if (recursion === 2) return rendered(`[${(await this.full(call, rows, this.documents.snapshotListsOf(rows.map(({ id }) => id)))).join(',')}]`);
    return rendered(`[${rows.map((row) => row.json).join(',')}]`);
  }

  async get(ref: instances.InstanceRef): Promise<common.Document> {
    const [row, [shown]] = await Promise.all([this.store.get(ref.project, ref.name, ref.view), this.documents.rendered(only(ref))]);
    return rendered(shown?.json ?? 'null', etag(etagOf(row)));
  }

  async getFull(call: CallContext, ref: instances.InstanceRef): Promise<common.Document> {
    const selection = only(ref);
    const snapshots = this.documents.snapshotLists(selection);
    const [row, shown] = await Promise.all([this.store.get(ref.project, ref.name, ref.view), this.documents.rendered(selection), snapshots]);
    const [full] = await this.full(call, shown, snapshots);
    return rendered(full ?? 'null', etag(etagOf(row)));
  }

  async getState(call: CallContext, ref: instances.InstanceRef): Promise<common.Document> {
    return { json: await this.states.ofOne(call, ref), etag: '' };
  }

  /** The recursion-2 objects: one call to each member that has running ones, one query for all snapshots. */
  private async full(call: CallContext, rows: readonly RenderedInstance[], snapshotLists: Promise<ReadonlyMap<string, string>>): Promise<string[]> {
    const [states, backups, snapshots] = await Promise.all([this.states.ofMany(call, rows), this.backups.listsOf(rows.map((row) => row.id)), snapshotLists]);
    return rows.map((row) => {
      const state = states.get(row.id) ?? stoppedState(row.status, statusCodes[row.status]);
      return `${row.json.slice(0, -1)},"backups":${backups.get(row.id) ?? 'null'},"state":${state},"snapshots":${snapshots.get(row.id) ?? 'null'}}`;
    });
  }
}

function only({ project, name }: instances.InstanceRef): Selection {
  return { projects: [project], type: '', name };
}

/** A filter that cannot be read is the server's fault to LXD. */
function clausesOf(filter: string): FilterClause[] {
  try {
    return parseFilter(filter);
  } catch (error) {
    throw new LxdError('internal', fromUnknown(error).message, { cause: error });
  }
}

function typeOf(request: instances.ListInstances): string {
  if (!['', 'container', 'virtual-machine'].includes(request.type)) throw new LxdError('internal', 'Invalid instance type');
  if (request.view === 'containers') return 'container';
  return request.view === 'virtual-machines' ? 'virtual-machine' : request.type;
}
