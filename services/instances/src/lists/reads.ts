import { apiUrl, etag, matchesFilter, parseFilter, type FilterClause } from '@asterism/api';
import { LxdError, fromUnknown } from '@asterism/errors';
import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { InstanceBackups } from '../backups/instance-backups.js';
import { etagOf, statusCodes } from '../instance.js';
import { InstanceStore } from '../instance.store.js';
import { DocumentStore, type RenderedInstance, type Selection } from './document.store.js';
import { KeptLists } from './kept-lists.js';
import { rendered } from './rendered.js';
import { States, stoppedState } from './states.js';

const noSnapshots: ReadonlyMap<string, string> = new Map();

/** Lists and single objects, as the API shows them. */
@Injectable()
export class Reads {
  constructor(
    @Inject(DocumentStore) private readonly documents: DocumentStore,
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(KeptLists) private readonly lists: KeptLists,
    @Inject(States) private readonly states: States,
    @Inject(InstanceBackups) private readonly backups: InstanceBackups,
  ) {}

  async list(call: CallContext, request: instances.ListInstances): Promise<common.Document> {
    const list = request.list ?? { project: 'default', all_projects: false, recursion: 0, filter: '', visible_projects: [] };
    const selection: Selection = { projects: list.all_projects ? list.visible_projects : [list.project], type: typeOf(request) };
    const clauses = clausesOf(list.filter);
    const kind = request.view || 'instances';
    const [all, snapshots] = await Promise.all([this.lists.of(selection), list.recursion === 2 ? this.documents.snapshotLists(selection) : noSnapshots]);
    const rows = clauses.length === 0 ? all.rows : all.rows.filter((row) => matchesFilter(JSON.parse(row.json), clauses));
    if (list.recursion === 0) return rendered(JSON.stringify(rows.map(({ name, project }) => apiUrl([kind, name], { project }))));
    if (list.recursion === 2) return rendered(`[${(await this.full(call, rows, snapshots)).join(',')}]`);
    return rows === all.rows ? { json: all.json(), etag: '' } : rendered(`[${rows.map((row) => row.json).join(',')}]`);
  }

  async get(ref: instances.InstanceRef): Promise<common.Document> {
    const [row, [shown]] = await Promise.all([this.store.get(ref.project, ref.name, ref.view), this.documents.rendered(only(ref))]);
    return rendered(shown?.json ?? 'null', etag(etagOf(row)));
  }

  async getFull(call: CallContext, ref: instances.InstanceRef): Promise<common.Document> {
    const selection = only(ref);
    const [row, shown, snapshots] = await Promise.all([this.store.get(ref.project, ref.name, ref.view), this.documents.rendered(selection), this.documents.snapshotLists(selection)]);
    const [full] = await this.full(call, shown, snapshots);
    return rendered(full ?? 'null', etag(etagOf(row)));
  }

  async getState(call: CallContext, ref: instances.InstanceRef): Promise<common.Document> {
    return { json: await this.states.ofOne(call, ref), etag: '' };
  }

  /** The recursion-2 objects: one call to each member that has running ones, one query for all snapshots. */
  private async full(call: CallContext, rows: readonly RenderedInstance[], snapshots: ReadonlyMap<string, string>): Promise<string[]> {
    const [states, backups] = await Promise.all([this.states.ofMany(call, rows), this.backups.listsOf(rows.map((row) => row.id))]);
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
