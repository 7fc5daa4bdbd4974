import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { jailed } from '../images/jail.js';
import { written } from '../images/written.js';
import type { Layout, Volume } from './layout.js';
import type { ReceiveStream, StreamedSubvolume, StreamReceiver, VolumeStreams } from './storage-driver.js';
import { nestedSubvolumes, subvolumeTrees } from './subvolume-trees.js';

const dayMs = 24 * 60 * 60 * 1000;

/** `btrfs send` and `btrfs receive`: each snapshot is sent as what differs from the one before it, the volume from the last. */
export function btrfsStreams(host: Host, layout: Layout): VolumeStreams {
  const { subvolumes } = host;
  const trees = subvolumeTrees(host);

  const inScratch = async <T>(volume: Volume, work: (scratch: string) => Promise<T>): Promise<T> => {
    const scratch = join(layout.scratch(volume.pool.name), randomUUID());
    await subvolumes.create(scratch);
    try {
      return await work(scratch);
    } finally {
      await trees.remove(scratch);
    }
  };

  return {
    async hold(volume, work) {
      const path = layout.volume(volume);
      if (!(await subvolumes.isSubvolume(path)) || (await subvolumes.hasNested(path))) return work(path);
      return inScratch(volume, async (scratch) => {
        await subvolumes.snapshot(path, join(scratch, 'held'), { readonly: true });
        return work(join(scratch, 'held'));
      });
    },

    async send(volume, snapshots, fileOf) {
      return inScratch(volume, async (scratch) => {
        const sent: StreamedSubvolume[] = [];
        const before = new Map<string, string>();
        for (const snapshot of [...snapshots, '']) {
          const tree = snapshot === '' ? layout.volume(volume) : layout.snapshot(volume, snapshot);
          const nested = await nestedSubvolumes(host, tree);
          for (const path of ['/', ...nested.map((each) => `/${each}`)]) {
            const source = snapshot === '' ? await heldSubvolume(join(tree, path), join(scratch, `held-${sent.length}`)) : join(tree, path);
            const parent = before.get(path);
            const file = fileOf({ snapshot, path });
            await host.exec(['btrfs', 'send', '-q', ...(parent ? (['-p', parent] as const) : []), '-f', file, '--', source], { timeoutMs: dayMs });
            before.set(path, source);
            sent.push({ path, snapshot, readonly: snapshot !== '' });
          }
        }
        return sent;
      });
    },

    receiving: (volume, work) =>
      inScratch(volume, async (landing) => {
        try {
          return await work((stream, signal) => openReceiver(host, landing, stream, signal));
        } finally {
          // Each in one step; what does not go so is looked for where all of the landing goes.
          for (const name of await host.files.readdir(landing)) await subvolumes.destroy(join(landing, name)).catch(() => undefined);
        }
      }),
  };

  async function heldSubvolume(path: string, held: string): Promise<string> {
    await subvolumes.snapshot(path, held, { readonly: true });
    return held;
  }
}

/**
 * `btrfs receive` where nothing can be reached but one subvolume. What was received stays there until all of a backup was, since later
 * streams build on it; the tree gets a copy that shares its blocks.
 */
async function openReceiver(host: Host, landing: string, { directory, path }: ReceiveStream, signal?: AbortSignal): Promise<StreamReceiver> {
  const before = new Set(await host.files.readdir(landing));
  const receive = host.spawn(await jailed(host, { target: landing, copies: true }, ['btrfs', 'receive', '-q', '-m', '/target', '/target']), { signal });
  receive.stdout.resume();
  return {
    async write(bytes) {
      if (!(await written(receive.stdin, bytes))) await receive.succeeded();
    },
    async end() {
      receive.stdin.end();
      await receive.succeeded();
      const [name, ...more] = (await host.files.readdir(landing)).filter((each) => !before.has(each));
      if (name === undefined || more.length > 0) throw new LxdError('bad-request', 'Refused archive: a stream of no subvolume');
      // Streams of several trees may carry the same name.
      const received = join(landing, randomUUID());
      await host.files.rename(join(landing, name), received);
      const target = await emptyPlace(host, directory, path);
      await host.subvolumes.snapshot(received, target);
    },
    async abort() {
      receive.kill('SIGKILL');
      await receive.exited;
    },
  };
}

/** Where a received subvolume goes: nothing is there afterwards. No step on the way may be a link. */
async function emptyPlace(host: Host, directory: string, path: string): Promise<string> {
  if (path === '/') {
    if (await host.files.exists(directory)) await host.subvolumes.destroy(directory);
    return directory;
  }
  const steps = path.slice(1).split('/');
  for (let depth = 1; depth < steps.length; depth++) {
    if ((await host.files.stat(join(directory, ...steps.slice(0, depth))))?.kind !== 'directory') throw new LxdError('bad-request', `Refused archive: no directory for the subvolume ${JSON.stringify(path)}`);
  }
  const target = join(directory, ...steps);
  const there = await host.files.stat(target);
  if (there && there.kind !== 'directory') throw new LxdError('bad-request', `Refused archive: no directory for the subvolume ${JSON.stringify(path)}`);
  await host.files.remove(target);
  return target;
}
