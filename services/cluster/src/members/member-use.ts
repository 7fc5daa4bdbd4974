import { Inject, Injectable } from '@nestjs/common';
import { LxdError } from '@asterism/errors';
import { Token, type common, type Instances, type StoragePools, type StorageVolumes } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

/** What would be lost with a member. */
@Injectable()
export class MemberUse {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes,
  ) {}

  /** Throws in the words of the reference. */
  async requireEmpty(call: CallContext, member: string): Promise<void> {
    const instances = await this.#instances(call, member);
    if (instances.length > 0) throw new LxdError('internal', `Node still has the following containers: ${instances.join(', ')}`);
    const volumes = await this.#customVolumes(call, member);
    if (volumes.length > 0) throw new LxdError('internal', `Node still has the following custom volumes: ${volumes.join(', ')}`);
  }

  async #instances(call: CallContext, member: string): Promise<string[]> {
    const { json } = await this.instances.list(call, { list: everything(1), type: '', view: 'instances' });
    return located(json, member).map(({ name }) => name);
  }

  async #customVolumes(call: CallContext, member: string): Promise<string[]> {
    const { json } = await this.pools.list(call, everything(1));
    const pools = JSON.parse(json.toString()) as { name: string }[];
    const lists = await Promise.all(pools.map(({ name }) => this.volumes.list(call, { pool: name, type: 'custom', list: everything(1) })));
    return lists.flatMap((list) => located(list.json, member).map(({ name }) => name)).filter((name) => !name.includes('/'));
  }
}

function everything(recursion: number): common.ListRequest {
  return { project: 'default', all_projects: true, recursion, filter: '', visible_projects: [] };
}

function located(json: Buffer, member: string): { name: string }[] {
  return (JSON.parse(json.toString()) as { name: string; location?: string }[]).filter(({ location }) => location === member);
}
