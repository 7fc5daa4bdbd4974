import { Inject, Injectable } from '@nestjs/common';
import { apiUrl } from '@asterism/api';
import { Token, type common, type StoragePools, type StorageVolumes } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

/** Custom volumes of all pools. */
@Injectable()
export class Volumes {
  constructor(
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes,
  ) {}

  async ofProject(call: CallContext, project: string): Promise<string[]> {
    const lists = await this.#lists<{ name: string }>(call, project);
    return lists.flatMap(({ pool, volumes }) =>
      volumes.filter((volume) => !volume.name.includes('/')).map((volume) => apiUrl(['storage-pools', pool, 'volumes', 'custom', volume.name], { project: project })),
    );
  }

  /** Their sizes in bytes as their configs say them. */
  async sizes(call: CallContext, project: string): Promise<{ name: string; size: string }[]> {
    const lists = await this.#lists<{ name: string; config: Record<string, string> }>(call, project);
    return lists.flatMap(({ volumes }) => volumes.map((volume) => ({ name: volume.name, size: volume.config['size'] ?? '' })));
  }

  async #lists<V>(call: CallContext, project: string): Promise<{ pool: string; volumes: V[] }[]> {
    const pools = parse<string[]>(await this.pools.list(call, listOf(project, 0))).map((url) => decodeURIComponent(url.split('/').at(-1) ?? ''));
    return Promise.all(
      pools.map(async (pool) => ({ pool, volumes: parse<V[]>(await this.volumes.list(call, { pool, type: 'custom', list: listOf(project, 1) })) })),
    );
  }
}

export function listOf(project: string, recursion: number): common.ListRequest {
  return { project, all_projects: false, recursion, filter: '', visible_projects: [] };
}

export function parse<T>(document: common.Document): T {
  return JSON.parse(document.json.toString()) as T;
}
