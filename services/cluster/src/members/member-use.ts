import { Inject, Injectable } from '@nestjs/common';
import { pages } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { Token, type common, type ImageReplicas, type Instances, type Networks, type StoragePools, type StorageVolumes } from '@asterism/proto';
import { childCall, systemCall, type CallContext } from '@asterism/rpc';

const withinMs = 60_000;
/** Images may have to be copied first. */
const imagesWithinMs = 120_000;
const forcedWithinMs = 5_000;

/** What would be lost with a member. */
@Injectable()
export class MemberUse {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes,
    @Inject(Token.Networks) private readonly networks: Networks,
    @Inject(Token.ImageReplicas) private readonly images: ImageReplicas,
  ) {}

  /** Throws in the words of the reference. */
  async requireEmpty(call: CallContext, member: string): Promise<void> {
    const instances = await this.#instances(call, member);
    if (instances.length > 0) throw new LxdError('internal', `Node still has the following containers: ${instances.join(', ')}`);
    const { fingerprints } = await this.images.onlyOn(childCall(call, { timeoutMs: imagesWithinMs }), { member });
    if (fingerprints.length > 0) throw new LxdError('internal', `Node still has the following images: ${fingerprints.join(', ')}`);
    const volumes = await this.#customVolumes(call, member);
    if (volumes.length > 0) throw new LxdError('internal', `Node still has the following custom volumes: ${volumes.join(', ')}`);
  }

  /** A member that nobody announced shall have every pool all the same. */
  async expect(member: string): Promise<void> {
    await this.pools.expectMember(systemCall(), { member, keys: [] });
  }

  /** Pools and networks go from the host of a member that leaves; by force it may be out of reach. */
  async withdraw(call: CallContext, member: string, force: boolean): Promise<void> {
    const deadline = childCall(call, { timeoutMs: force ? forcedWithinMs : withinMs });
    const gone = this.networks.withdrawMember(deadline, { member }).then(() => this.pools.withdrawMember(deadline, { member }));
    await gone.catch((error: unknown) => {
      if (!force) throw error;
    });
  }

  async #instances(call: CallContext, member: string): Promise<string[]> {
    const list = { ...everything(1), filter: `location eq ${member}` };
    const names: string[] = [];
    for await (const { json } of pages((after) => this.instances.list(call, { list, type: '', view: 'instances', page: { limit: 0, after } }))) names.push(...located(json, member).map(({ name }) => name));
    return names;
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
