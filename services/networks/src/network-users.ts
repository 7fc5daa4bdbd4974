import { Inject, Injectable } from '@nestjs/common';
import { Token, type Instances, type Profiles } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import type { Nic } from './leases.js';

/** Who uses networks: one call to each service that may, however many networks are asked for. */
@Injectable()
export class NetworkUsers {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Profiles) private readonly profiles: Profiles,
  ) {}

  /** URLs by network or host link. */
  async usedBy(call: CallContext, project: string, names: readonly string[]): Promise<(name: string) => string[]> {
    if (names.length === 0) return () => [];
    const values = [...names];
    const answers = await Promise.all([
      this.profiles.usedBy(call, { option: 'network', values }),
      this.profiles.usedBy(call, { option: 'parent', values }),
      this.instances.usedBy(call, { kind: 'network', project, names: values }),
    ]);
    return (name) => [...new Set(answers.flatMap(({ by_key }) => by_key[name]?.urls ?? []))];
  }

  async nics(call: CallContext, project: string, network: string): Promise<Nic[]> {
    const { json } = await this.instances.nics(call, { kind: 'network', project, names: [network] });
    return JSON.parse(Buffer.from(json).toString()) as Nic[];
  }
}
