import { Agents } from '@asterism/agents';
import type { agentInstances, instances } from '@asterism/proto';
import { childCall, type CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning } from '../instance.js';
import { InstanceStore, type Whereabouts } from '../instance.store.js';
import type { RenderedInstance } from './document.store.js';

/** How long a list waits for the states of one member before it shows what it knows. */
const listDeadlineMs = 5_000;
const seenAtMost = 10_000;

type Running = Pick<Whereabouts, 'id' | 'member'>;

/** LXD's InstanceState objects as JSON: of running instances as their members see them now. */
@Injectable()
export class States {
  /** Where running instances were last found, by view, project and name. */
  readonly #seen = new Map<string, Running>();

  constructor(
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  /**
   * Of one that was seen running its member alone is asked: it knows best what runs, and a running instance keeps its name. What the member does not
   * confirm is looked up.
   */
  async ofOne(call: CallContext, { project, name, view }: instances.InstanceRef): Promise<Buffer> {
    const key = `${view}/${project}/${name}`;
    const seen = this.#seen.get(key);
    const confirmed = seen && (await this.#ask(call, seen).catch(() => undefined));
    if (confirmed && isRunning(confirmed) && confirmed.project === project && confirmed.name === name) return confirmed.json;
    this.#seen.delete(key);
    const row = await this.store.whereabouts(project, name, view);
    if (!isRunning(row)) return stopped(row.status, row.status_code);
    this.#remember(key, row);
    const state = await this.#ask(call, row);
    return state && state.json.length > 0 ? state.json : stopped(row.status, row.status_code);
  }

  /** By the instance's id; those that do not run, and those of members that do not answer in time, are absent. */
  async ofMany(call: CallContext, rows: readonly RenderedInstance[]): Promise<Map<string, string>> {
    const byMember = Map.groupBy(rows.filter(isRunning), (row) => row.member);
    const states = new Map<string, string>();
    const ask = async ([member, running]: [string, RenderedInstance[]]): Promise<void> => {
      const answer = await this.agents.on(member).instances.fullStates(childCall(call, { timeoutMs: listDeadlineMs }), { ids: running.map((row) => row.id) });
      for (const [id, state] of Object.entries(answer.by_id)) if (state.json.length > 0) states.set(id, state.json.toString());
    };
    await Promise.all([...byMember].map((entry) => ask(entry).catch(() => undefined)));
    return states;
  }

  async #ask(call: CallContext, { id, member }: Running): Promise<agentInstances.InstanceState | undefined> {
    return (await this.agents.on(member).instances.fullStates(call, { ids: [id] })).by_id[id];
  }

  #remember(key: string, { id, member }: Running): void {
    if (this.#seen.size >= seenAtMost) this.#seen.clear();
    this.#seen.set(key, { id, member });
  }
}

/** Of an instance that does not run, or of which nothing more is known. */
export function stoppedState(status: string, code: number): string {
  return `{"status":"${status}","status_code":${code},"disk":{},"memory":{"usage":0,"usage_peak":0,"swap_usage":0,"swap_usage_peak":0},"network":null,"pid":0,"processes":0,"cpu":{"usage":0}}`;
}

function stopped(status: string, code: number): Buffer {
  return Buffer.from(stoppedState(status, code));
}
