import { Agents } from '@asterism/agents';
import { Token, type agentStorage, type Warnings, type warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { forEach, Rounds, RuntimeInfo } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import type { PoolRow } from '../pools/pool.store.js';
import { diskName } from '../volumes/volume-rules.js';
import { volumeUrl } from '../volumes/volume-urls.js';
import { VolumeScope } from '../volumes/volume-scope.js';
import { UnderWay } from './under-way.js';
import { besideDisk, inBoth, type Difference, type KnownVolume } from './beside-disk.js';

const types = { pool: 'Storage pool unavailable', missing: 'Storage volume missing', unowned: 'Storage volume without owner' } as const;
const nothing: Difference = { missing: [], unowned: [] };

/** Compares pools and volumes with what their members have, in rounds; nothing is deleted, but told in warnings that end with their cause. */
@Injectable()
export class Upkeep {
  readonly #rounds: Rounds;
  /** What the round before found, by member. */
  readonly #seen = new Map<string, Difference>();

  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(VolumeScope) private readonly scope: VolumeScope,
    @Inject(UnderWay) private readonly underWay: UnderWay,
    @Inject(Token.Warnings) private readonly warnings: Warnings,
    @Inject(RuntimeInfo) { environment }: RuntimeInfo,
  ) {
    this.#rounds = new Rounds('storage', environment.lookAfterSeconds, () => forEach(agents.online(), (member) => this.lookAfter(member)));
  }

  start(): void {
    this.#rounds.start();
  }

  /** A round out of turn. */
  now(): Promise<void> {
    return this.#rounds.now();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async lookAfter(member: string): Promise<void> {
    const call = systemCall({ timeoutMs: 60_000 });
    const { pools: found } = await this.agents.on(member).storage.lookAfter(call, {});
    const pools = (await this.scope.pools.allFor(member)).filter((pool) => pool.ready && pool.made_on.includes(member));
    const known = (await this.scope.volumes.onMember(member)).map((volume): KnownVolume => ({ pool: volume.pool, type: volume.type, name: diskName(volume), url: volumeUrl(volume), settled: volume.settled }));
    const difference = besideDisk(known, found);
    const sure = withoutBusy(inBoth(this.#seen.get(member) ?? nothing, difference), this.underWay);
    this.#seen.set(member, difference);
    await this.warnings.settle(call, { types: Object.values(types), location: member, warnings: [...poolWarnings(member, pools, found), ...volumeWarnings(member, sure)] });
  }
}

function withoutBusy({ missing, unowned }: Difference, underWay: UnderWay): Difference {
  return { missing: missing.filter((volume) => !underWay.has(volume)), unowned: unowned.filter((volume) => !underWay.has(volume)) };
}

function poolWarnings(location: string, pools: readonly PoolRow[], found: readonly agentStorage.LookedAfterPool[]): warnings.RaiseWarning[] {
  return pools.flatMap(({ name }): warnings.RaiseWarning[] => {
    const problem = found.find((pool) => pool.name === name)?.problem ?? 'The member does not know the pool';
    if (problem === '') return [];
    const message = `${problem}. Bring back its source (mount the file system, attach the device); the pool is then taken into use again by itself`;
    return [{ project: '', location, type: types.pool, severity: 'high', last_message: message, entity_url: poolUrl(name) }];
  });
}

function volumeWarnings(location: string, { missing, unowned }: Difference): warnings.RaiseWarning[] {
  const lost = missing.map(({ url, pool, name }) => ({
    ...{ project: '', location, type: types.missing, severity: 'high', entity_url: url },
    last_message: `Nothing of ${name} is in pool ${pool}. Restore it from a backup, or delete it`,
  }));
  const byPool = Map.groupBy(unowned, ({ pool }) => pool);
  const strange = [...byPool].map(([pool, volumes]) => ({
    ...{ project: '', location, type: types.unowned, severity: 'low', entity_url: poolUrl(pool) },
    last_message: `Nobody knows ${named(volumes)}. Move what is still wanted elsewhere and remove the rest by hand`,
  }));
  return [...lost, ...strange];
}

const namedAtMost = 5;

function named(volumes: readonly { type: string; name: string }[]): string {
  const names = volumes.slice(0, namedAtMost).map(({ type, name }) => `${type} ${name}`);
  return volumes.length > namedAtMost ? `${names.join(', ')} and ${volumes.length - namedAtMost} more` : names.join(', ');
}

function poolUrl(name: string): string {
  return `/1.0/storage-pools/${encodeURIComponent(name)}`;
}
