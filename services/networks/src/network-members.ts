import { Inject, Injectable } from '@nestjs/common';
import { Agents, soleMember } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import type { CallContext } from '@asterism/rpc';
import { Token, type Warnings } from '@asterism/proto';
import { networkUrl } from './network-document.js';
import { defaultProject } from './network-project.js';
import type { UsedSubnets } from './free-subnet.js';
import type { Lease } from './leases.js';
import type { NetworkRow } from './network.store.js';

/** Why a network is not as it should be on a member. */
export interface Problem {
  network: string;
  message: string;
}

type Wish = Pick<NetworkRow, 'project' | 'name' | 'type' | 'config' | 'members'>;

/** The config that a network has on one member. */
function configOn(member: string, { config, members }: Pick<NetworkRow, 'config' | 'members'>): Record<string, string> {
  return { ...config, ...members[member] };
}

const warningType = 'Network unavailable';

/** The networks on the members' hosts. */
@Injectable()
export class NetworkMembers {
  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.Warnings) private readonly warnings: Warnings,
  ) {}

  get names(): readonly string[] {
    return this.agents.members();
  }

  get reachable(): readonly string[] {
    return this.agents.online();
  }

  get isClustered(): boolean {
    return this.agents.isClustered;
  }

  /** The name that the member asked for has now. */
  requireTarget(target: string): string {
    const member = target === '' ? '' : this.agents.nameOf(target);
    if (member === undefined) throw new LxdError('not-found', 'Cluster member not found');
    return member;
  }

  /** On every member that can be reached, the others get it when they come; the first failure is thrown once all have answered. */
  async apply(call: CallContext, wish: Wish): Promise<void> {
    const { project, name, type } = wish;
    await this.#onAll(this.agents.online(), (member) => this.agents.on(member).networks.apply(call, { project, name, type, config: configOn(member, wish) }));
  }

  async remove(call: CallContext, { project, name, type, config }: Wish): Promise<void> {
    await this.#onAll(this.names, (member) => this.agents.on(member).networks.remove(call, { project, name, type, config }));
  }

  /** From a member that leaves. */
  async withdraw(call: CallContext, member: string, networks: readonly NetworkRow[]): Promise<void> {
    for (const { project, name, type, config, status } of networks) if (status === 'created') await this.agents.on(member).networks.remove(call, { project, name, type, config });
  }

  /** Brings a member's networks up; what fails is answered and does not hold the others. */
  async bringUp(call: CallContext, member: string, networks: readonly NetworkRow[]): Promise<Problem[]> {
    const problems: Problem[] = [];
    for (const network of networks) {
      const { project, name, type } = network;
      await this.agents
        .on(member)
        .networks.apply(call, { project, name, type, config: configOn(member, network) })
        .catch((error: unknown) => problems.push({ network: name, message: error instanceof Error ? error.message : String(error) }));
    }
    return problems;
  }

  /** Every network that a member knows, with what it could not mend about it ("" for nothing). */
  async lookAfter(call: CallContext, member: string): Promise<Problem[]> {
    const { networks } = await this.agents.on(member).networks.lookAfter(call, {});
    return networks.map(({ name, problem }) => ({ network: name, message: problem }));
  }

  async removeLeftOver(call: CallContext, member: string, name: string): Promise<void> {
    await this.agents.on(member).networks.remove(call, { project: defaultProject, name, type: 'bridge', config: {} });
  }

  /** These are all the problems that a member has with networks. */
  async warn(call: CallContext, member: string, problems: readonly Problem[]): Promise<void> {
    const warnings = problems.map(({ network, message }) => ({
      project: defaultProject,
      location: member,
      type: warningType,
      severity: 'high',
      last_message: `${message}. Look at the interface on the host and at the network's configuration; it is tried again every minute`,
      entity_url: networkUrl({ project: defaultProject, name: network }),
    }));
    await this.warnings.settle(call, { types: [warningType], location: member, warnings });
  }

  /** Subnets that some member uses, and whether all have IPv6. */
  async usedSubnets(call: CallContext): Promise<UsedSubnets> {
    const answers = await Promise.all(this.agents.online().map((member) => this.agents.on(member).networks.usedSubnets(call, {})));
    return { cidrs: answers.flatMap(({ cidrs }) => cidrs), hasIpv6: answers.every(({ has_ipv6 }) => has_ipv6) };
  }

  /** Links of the member asked for, or the first, with LXD's types. */
  async links(call: CallContext, target = ''): Promise<Record<string, string>> {
    const member = this.requireTarget(target) || this.agents.online()[0];
    return member === undefined ? {} : (await this.agents.on(member).networks.links(call, {})).type_by_name;
  }

  async state(call: CallContext, name: string, target: string): Promise<Uint8Array> {
    const member = this.requireTarget(target) || (this.agents.online()[0] ?? soleMember);
    return (await this.agents.on(member).networks.state(call, { name })).json;
  }

  async leases(call: CallContext, name: string): Promise<Lease[]> {
    const perMember = await Promise.all(
      this.agents.online().map(async (location) => {
        const { json } = await this.agents.on(location).networks.leases(call, { name });
        return (JSON.parse(Buffer.from(json).toString()) as Omit<Lease, 'location'>[]).map((lease) => ({ ...lease, location }));
      }),
    );
    return perMember.flat();
  }

  async #onAll(members: readonly string[], work: (member: string) => Promise<unknown>): Promise<void> {
    const results = await Promise.allSettled(members.map(work));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
