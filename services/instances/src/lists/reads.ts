import { Agents } from '@asterism/agents';
import { apiUrl, etag, matchesFilter, parseFilter, type FilterClause } from '@asterism/api';
import { LxdError, fromUnknown } from '@asterism/errors';
import type { common, instances } from '@asterism/proto';
import { childCall, type CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { etagOf, isRunning, statusCodes } from '../instance.js';
import { InstanceStore } from '../instance.store.js';
import { DocumentStore, type RenderedInstance, type Selection } from './document.store.js';
import { rendered } from './rendered.js';

/** How long a list waits for the states of one member before it shows what it knows. */
const stateDeadlineMs = 5_000;

const stoppedState = (status: string, code: number): string =>
  `{"status":"${status}","status_code":${code},"disk":{},"memory":{"usage":0,"usage_peak":0,"swap_usage":0,"swap_usage_peak":0},"network":null,"pid":0,"processes":0,"cpu":{"usage":0}}`;

/** Lists and single objects, as the API shows them. */
@Injectable()
export class Reads {
  constructor(
    @Inject(DocumentStore) private readonly documents: DocumentStore,
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  async list(call: CallContext, request: instances.ListInstances): Promise<common.Document> {
    const list = request.list ?? { project: 'default', all_projects: false, recursion: 0, filter: '', visible_projects: [] };
    const selection: Selection = { projects: list.all_projects ? list.visible_projects : [list.project], type: typeOf(request) };
    const clauses = clausesOf(list.filter);
    const kind = request.view || 'instances';
    if (list.recursion === 0 && clauses.length === 0) {
      const names = await this.documents.names(selection);
      return rendered(JSON.stringify(names.map(({ name, project }) => apiUrl([kind, name], { project }))));
    }
    if (list.recursion === 1 && clauses.length === 0) return rendered(await this.documents.list(selection));
    const all = await this.documents.rendered(selection);
    const rows = clauses.length === 0 ? all : all.filter((row) => matchesFilter(JSON.parse(row.json), clauses));
    if (list.recursion === 0) return rendered(JSON.stringify(rows.map(({ name, project }) => apiUrl([kind, name], { project }))));
    if (list.recursion === 1) return rendered(`[${rows.map((row) => row.json).join(',')}]`);
    return rendered(`[${(await this.full(call, rows)).join(',')}]`);
  }

  async get(ref: instances.InstanceRef): Promise<common.Document> {
    const row = await this.store.get(ref.project, ref.name, ref.view);
    const [shown] = await this.documents.rendered({ projects: [ref.project], type: '', name: ref.name });
    return rendered(shown?.json ?? 'null', etag(etagOf(row)));
  }

  async getFull(call: CallContext, ref: instances.InstanceRef): Promise<common.Document> {
    const row = await this.store.get(ref.project, ref.name, ref.view);
    const [full] = await this.full(call, await this.documents.rendered({ projects: [ref.project], type: '', name: ref.name }));
    return rendered(full ?? 'null', etag(etagOf(row)));
  }

  async getState(call: CallContext, ref: instances.InstanceRef): Promise<common.Document> {
    const row = await this.store.get(ref.project, ref.name, ref.view);
    if (!isRunning(row)) return rendered(stoppedState(row.status, row.status_code));
    const states = await this.agents.on(row.member).instances.fullStates(call, { ids: [row.id] });
    const json = states.by_id[row.id]?.json.toString();
    return rendered(json || stoppedState(row.status, row.status_code));
  }

  /** The recursion-2 objects: one call to each member that has running ones, one query for all snapshots. */
  private async full(call: CallContext, rows: readonly RenderedInstance[]): Promise<string[]> {
    const [states, snapshots] = await Promise.all([this.states(call, rows), this.documents.snapshotLists(rows.map((row) => row.id))]);
    return rows.map((row) => {
      const state = states.get(row.id) ?? stoppedState(row.status, statusCodes[row.status]);
      return `${row.json.slice(0, -1)},"backups":null,"state":${state},"snapshots":${snapshots.get(row.id) ?? 'null'}}`;
    });
  }

  private async states(call: CallContext, rows: readonly RenderedInstance[]): Promise<Map<string, string>> {
    const byMember = Map.groupBy(rows.filter((row) => row.status === 'Running' || row.status === 'Frozen'), (row) => row.member);
    const states = new Map<string, string>();
    const ask = async ([member, running]: [string, RenderedInstance[]]): Promise<void> => {
      const answer = await this.agents.on(member).instances.fullStates(childCall(call, { timeoutMs: stateDeadlineMs }), { ids: running.map((row) => row.id) });
      for (const [id, state] of Object.entries(answer.by_id)) if (state.json.length > 0) states.set(id, state.json.toString());
    };
    await Promise.all([...byMember].map((entry) => ask(entry).catch(() => undefined)));
    return states;
  }
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
