import { join } from 'node:path';
import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { IdRange } from '../../devices/device.js';
import type { Host } from '../../host/host.js';
import type { OwnersProgress } from '../../host/owners/owners.js';
import { idmapJson } from '../lxc/idmap.js';
import { parseIdmap } from '../lxc/parse-idmap.js';
import { isOn } from '../lxc/lxc-config.js';
import { sameIds, wantedOwners, type WantedOwners } from './wanted-owners.js';

/**
 * What ids on disk stand for in the volumes of containers. It is written beside the root file system, so that copies and snapshots carry it: a list of
 * ranges once a volume was shifted, and a plan while that is under way. A plan that is there is done to its end before anything else: it says of
 * each file what it is to have, so that nothing is lost or done twice wherever a crash came.
 */
export class VolumeOwners {
  constructor(private readonly host: Host) {}

  /** Of a volume whose change is not under way. */
  async onDisk(volume: string): Promise<IdRange[]> {
    const text = await this.host.files.readText(markOf(volume)).catch(unlessMissing);
    return text === undefined ? [] : parseIdmap(text);
  }

  isUnderWay(volume: string): Promise<boolean> {
    return this.host.files.exists(planOf(volume));
  }

  /** Of a volume that came without it: from another member, whose server says how it lies. */
  async adopt(volume: string, idmap: string): Promise<void> {
    if (parseIdmap(idmap).length > 0 && !(await this.host.files.exists(markOf(volume)))) await this.#mark(volume, parseIdmap(idmap));
  }

  /** How the ids have to lie for a container to start with this map. */
  async wanted(spec: agentInstances.InstanceSpec, idmap: readonly IdRange[]): Promise<WantedOwners> {
    const onDisk = await this.onDisk(spec.volume_path);
    const canMap = (idmap.length > 0 || onDisk.length > 0) && (await this.host.owners.canMap(join(spec.volume_path, 'rootfs')));
    const wanted = wantedOwners({ onDisk, idmap, canMap, isProtected: isOn(spec.config, instanceKeys.securityProtectionShift.name) });
    return (await this.isUnderWay(spec.volume_path)) ? { ...wanted, change: wanted.change ?? onDisk } : wanted;
  }

  /** Brings the root file system's owners to `wish`; empty: the guest's own ids. What fails is taken back. */
  async change(volume: string, wish: readonly IdRange[], progress: OwnersProgress): Promise<void> {
    const { files, owners } = this.host;
    const [root, plan] = [join(volume, 'rootfs'), planOf(volume)];
    if (await files.exists(plan)) await this.#finish(volume, (await owners.planned(plan)).to, () => owners.apply(root, plan, 'forward'));
    const from = await this.onDisk(volume);
    if (sameIds(from, wish)) return;
    await this.#finish(volume, wish, () => owners.change(root, { from, to: wish }, plan, progress)).catch(async (error: unknown) => {
      await files.remove(`${plan}.tmp`);
      if (await files.exists(plan)) await this.#finish(volume, from, () => owners.apply(root, plan, 'back'));
      throw new LxdError('internal', `Failed to handle idmapped storage: ${(error as Error).message}`, { cause: error });
    });
  }

  /** The plan goes last, when what it did and what it came to are on disk. */
  async #finish(volume: string, idmap: readonly IdRange[], apply: () => Promise<void>): Promise<void> {
    await apply();
    await this.#mark(volume, idmap);
    await this.host.files.remove(planOf(volume));
    await this.host.files.sync(volume);
  }

  async #mark(volume: string, idmap: readonly IdRange[]): Promise<void> {
    await this.host.files.write(markOf(volume), idmapJson(idmap), { mode: 0o400 });
  }
}

function markOf(volume: string): string {
  return join(volume, 'owners.json');
}

function planOf(volume: string): string {
  return join(volume, 'owners.plan');
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
