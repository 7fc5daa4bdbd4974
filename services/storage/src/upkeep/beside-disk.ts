import type { agentStorage } from '@asterism/proto';

/** A volume or snapshot ("volume/snapshot") as rows have it, by its name on disk. */
export interface KnownVolume {
  pool: string;
  type: string;
  /** On disk. */
  name: string;
  /** At the API. */
  url: string;
  /** False while it is made or renamed: then it may be there or not. */
  settled: boolean;
}

/** What one side has and the other has not. */
export interface Difference {
  missing: KnownVolume[];
  /** On disk only: "containers c1", by pool. */
  unowned: { pool: string; type: string; name: string }[];
}

/** Pools that cannot be used are told of themselves, and nothing of what is in them. Volumes of images are made again when they are needed. */
export function besideDisk(known: readonly KnownVolume[], pools: readonly agentStorage.LookedAfterPool[]): Difference {
  const usable = pools.filter(({ problem }) => problem === '');
  const onDisk = usable.flatMap(({ name: pool, volumes }) =>
    volumes.filter(({ type }) => type !== 'image').flatMap(({ type, name, snapshots }) => [{ pool, type, name }, ...snapshots.map((snapshot) => ({ pool, type, name: `${name}/${snapshot}` }))]),
  );
  const [found, expected] = [new Set(onDisk.map(keyOf)), new Set(known.map(keyOf))];
  return {
    missing: known.filter((volume) => volume.settled && usable.some(({ name }) => name === volume.pool) && !found.has(keyOf(volume))),
    unowned: onDisk.filter((volume) => !expected.has(keyOf(volume))),
  };
}

/** Both saw it: what is on its way between disk and rows is not seen twice. */
export function inBoth(before: Difference, now: Difference): Difference {
  const known = new Set([...before.missing, ...before.unowned].map(keyOf));
  return { missing: now.missing.filter((volume) => known.has(keyOf(volume))), unowned: now.unowned.filter((volume) => known.has(keyOf(volume))) };
}

function keyOf({ pool, type, name }: { pool: string; type: string; name: string }): string {
  return `${pool} ${type} ${name}`;
}
