import { LxdError } from '@asterism/errors';
import type { Agent, cluster } from '@asterism/proto';
import { Agents, type MemberFacts } from './agents.js';

/** The agent in this process; once it is a member of a cluster, through `others` those of other processes too. */
export class LocalAgents extends Agents {
  #agent: Agent | undefined;
  #others: Agents | undefined;
  #formerNames: readonly string[] = [];
  #facts: Omit<MemberFacts, 'name' | 'online'> = { architecture: '', cordoned: false, evacuated: false, groups: [], scheduler: 'all' };

  constructor(private member: string) {
    super();
  }

  /** The name that this process's own member has now. */
  get own(): string {
    return this.member;
  }

  bind(agent: Agent): void {
    this.#agent = agent;
  }

  /** Where the members of other processes are found from now on. */
  reachThrough(others: Agents): void {
    this.#others = others;
  }

  /** Which of the members this process's own is: it may have another name now. */
  recognise(members: readonly cluster.Member[]): void {
    const own = members.find(({ name, former_names }) => name === this.member || former_names.includes(this.member));
    if (!own) return;
    this.member = own.name;
    this.#formerNames = own.former_names;
    const { architecture, cordoned, evacuated, groups, scheduler } = own;
    this.#facts = { architecture, cordoned, evacuated, groups, scheduler };
  }

  on(member: string): Agent {
    if (this.#isOwn(member) && this.#agent) return this.#agent;
    if (this.#others) return this.#others.on(member);
    throw new LxdError('unavailable', `Cluster member "${member}" is not available`);
  }

  members(): readonly string[] {
    return this.#agent ? [this.member, ...(this.#others?.members() ?? [])] : [];
  }

  online(): readonly string[] {
    return this.#agent ? [this.member, ...(this.#others?.online() ?? [])] : [];
  }

  facts(): readonly MemberFacts[] {
    return this.#agent ? [{ ...this.#facts, name: this.member, online: true }, ...(this.#others?.facts() ?? [])] : [];
  }

  nameOf(member: string): string | undefined {
    return this.#isOwn(member) ? this.member : this.#others?.nameOf(member);
  }

  async refresh(): Promise<void> {
    await this.#others?.refresh();
  }

  async close(): Promise<void> {
    this.#agent = undefined;
    await this.#others?.close();
  }

  #isOwn(member: string): boolean {
    return member === this.member || this.#formerNames.includes(member);
  }
}
