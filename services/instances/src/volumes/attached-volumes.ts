import { deviceOption, diskKeys, isRootDisk } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning, type Devices, type InstanceRow } from '../instance.js';
import { TaskParts } from '../task-parts.js';
import { Changes } from '../update/changes.js';

/** Custom volumes among the devices of instances, when they are renamed or moved. */
@Injectable()
export class AttachedVolumes {
  constructor(
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  async requireStill(call: CallContext, moved: instances.VolumeMoved): Promise<void> {
    if ((await this.#using(call, moved)).some(isRunning)) throw new LxdError('bad-request', 'Volume is still in use by running instances');
  }

  /** Devices that come from profiles follow with these. */
  async follow(call: CallContext, moved: instances.VolumeMoved): Promise<void> {
    for (const row of await this.#using(call, moved)) await this.changes.replaceDevices(call, row, ({ devices }) => followed(devices, moved));
  }

  async #using(call: CallContext, { project, pool, name }: instances.VolumeMoved): Promise<InstanceRow[]> {
    const rows = await this.parts.instances.withVolume(pool, name);
    const owners = new Map<string, string>();
    for (const row of rows) if (!owners.has(row.project)) owners.set(row.project, await this.parts.surroundings.volumeProject(call, row.project));
    return rows.filter((row) => owners.get(row.project) === project);
  }
}

/** The devices with the volume under its new name and pool; undefined where none names it. */
export function followed(devices: Devices, moved: Omit<instances.VolumeMoved, 'project'>): Devices | undefined {
  const isIt = (options: Record<string, string>): boolean =>
    options[deviceOption.type] === 'disk' && !isRootDisk(options) && options[diskKeys.pool.name] === moved.pool && options[diskKeys.source.name] === moved.name;
  if (!Object.values(devices).some(isIt)) return undefined;
  const renamed = { [diskKeys.pool.name]: moved.new_pool, [diskKeys.source.name]: moved.new_name };
  return Object.fromEntries(Object.entries(devices).map(([device, options]) => [device, isIt(options) ? { ...options, ...renamed } : options]));
}
