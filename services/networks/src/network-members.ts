import { Inject, Injectable } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import type { CallContext } from '@asterism/rpc';
import { Token, type Warnings } from '@asterism/proto';
import { networkUrl } from './network-document.js';
import type { UsedSubnets } from './free-subnet.js';
import type { Lease } from './leases.js';
import type { NetworkRow } from './network.store.js';

type Wish = Pick<NetworkRow, 'project' | 'name' | 'type' | 'config'>;

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

  requireTarget(target: string): void {
    if (target !== '' && !this.names.includes(target)) throw new LxdError('not-found', 'Cluster member not found');
  }

  /** On every member; the first failure is thrown once all have answered. */
  async apply(call: CallContext, { project, name, type, config }: Wish): Promise<void> {
    await this.#onAll((member) => this.agents.on(member).networks.apply(call, { project, name, type, config }));
  }

  async remove(call: CallContext, { project, name, type, config }: Wish): Promise<void> {
    await this.#onAll((member) => this.agents.on(member).networks.remove(call, { project, name, type, config }));
  }

  /** Brings a member's networks up; what fails becomes a warning and does not hold the others. */
  async bringUp(call: CallContext, member: string, networks: readonly NetworkRow[]): Promise<void> {
    for (const { project, name, type, config } of networks) {
      const about = { type: warningType, location: member, entity_url: networkUrl({ project, name }) };
      try {
        await this.agents.on(member).networks.apply(call, { project, name, type, config });
        await this.warnings.resolve(call, about);
      } catch (error) {
        await this.warnings.raise(call, { ...about, project, severity: 'moderate', last_message: (error as Error).message });
      }
    }
  }

  /** Subnets that some member uses, and whether all have IPv6. */
  async usedSubnets(call: CallContext): Promise<UsedSubnets> {
    const answers = await Promise.all(this.names.map((member) => this.agents.on(member).networks.usedSubnets(call, {})));
    return { cidrs: answers.flatMap(({ cidrs }) => cidrs), hasIpv6: answers.every(({ has_ipv6 }) => has_ipv6) };
  }

  /** Links of the first member, with LXD's types. */
  async links(call: CallContext): Promise<Record<string, string>> {
    const [member] = this.names;
    return member === undefined ? {} : (await this.agents.on(member).networks.links(call, {})).type_by_name;
  }

  async state(call: CallContext, name: string): Promise<Uint8Array> {
    const [member = 'none'] = this.names;
    return (await this.agents.on(member).networks.state(call, { name })).json;
  }

  async leases(call: CallContext, name: string): Promise<Lease[]> {
    const perMember = await Promise.all(
      this.names.map(async (location) => {
        const { json } = await this.agents.on(location).networks.leases(call, { name });
        return (JSON.parse(Buffer.from(json).toString()) as Omit<Lease, 'location'>[]).map((lease) => ({ ...lease, location }));
      }),
    );
    return perMember.flat();
  }

  async #onAll(work: (member: string) => Promise<unknown>): Promise<void> {
    const results = await Promise.allSettled(this.names.map(work));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
