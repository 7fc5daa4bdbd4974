import { Agents } from '@asterism/agents';
import type { instances } from '@asterism/proto';
import { childCall, type CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning } from '../instance.js';
import { InstanceStore, type Whereabouts } from '../instance.store.js';
import type { RenderedInstance } from './document.store.js';

/** How long a list waits for the states of one member before it shows what it knows. */
const listDeadlineMs = 5_000;
const guessesAtMost = 10_000;

type Running = Pick<Whereabouts, 'id' | 'member'>;

/** LXD's InstanceState objects as JSON: of running instances as their members see them now. */
@Injectable()
export class States {
  /** Where running instances were last found, by project and name. */
  readonly #guesses = new Map<string, Running>();

  constructor(
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  /** The member is asked at the same time as the database, which then confirms that it was the right one. */
  async ofOne(call: CallContext, { project, name, view }: instances.InstanceRef): Promise<Buffer> {
    const key = `${project}/${name}`;
    const guess = this.#guesses.get(key);
    const asked = this.store.whereabouts(project, name, view);
    const early = guess && this.#askSoon(call, guess);
    early?.catch(() => undefined);
    const row = await asked;
    if (!isRunning(row)) return stopped(row.status, row.status_code);
    const isRight = guess?.id === row.id && guess.member === row.member;
    if (!isRight) this.#remember(key, row);
    return (await (isRight ? early : this.#ask(call, row))) ?? stopped(row.status, row.status_code);
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

  async #ask(call: CallContext, { id, member }: Running): Promise<Buffer | undefined> {
    const { by_id } = await this.agents.on(member).instances.fullStates(call, { ids: [id] });
    const json = by_id[id]?.json;
    return json && json.length > 0 ? json : undefined;
  }

  /** Once the question to the database has been sent, in the next tick: an agent in this process works before it lets go. */
  async #askSoon(call: CallContext, guess: Running): Promise<Buffer | undefined> {
    for (let turns = 0; turns < 2; turns++) await new Promise<void>((resolve) => process.nextTick(resolve));
    return this.#ask(call, guess);
  }

  #remember(key: string, { id, member }: Running): void {
    if (this.#guesses.size >= guessesAtMost) this.#guesses.clear();
    this.#guesses.set(key, { id, member });
  }
}

/** Of an instance that does not run, or of which nothing more is known. */
export function stoppedState(status: string, code: number): string {
  return `{"status":"${status}","status_code":${code},"disk":{},"memory":{"usage":0,"usage_peak":0,"swap_usage":0,"swap_usage_peak":0},"network":null,"pid":0,"processes":0,"cpu":{"usage":0}}`;
}

function stopped(status: string, code: number): Buffer {
  return Buffer.from(stoppedState(status, code));
}
