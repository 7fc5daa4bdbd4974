import { posix } from 'node:path';
import { diskKeys, instanceKeys, isFalse, isTrue } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { mountEntry, type DeviceDriver, type DeviceStart, type DeviceVolatile, type InstanceDevice, type RunningInstance } from './device.js';

/** A disk of a container as it will be mounted. */
interface DiskMount {
  /** On the host. */
  source: string;
  /** Absolute, as the guest sees it. */
  target: string;
  isDirectory: boolean;
  readonly: boolean;
  recursive: boolean;
  /** The guest's own ids are seen, not the host's. */
  idmapped: boolean;
  /** "rslave" and the like; empty leaves it to LXC. */
  propagation: string;
  extraOptions: string[];
}

/**
 * Disks other than the root: paths of the host and custom volumes, bound into the container. Volumes keep the ids they were written with on disk
 * and are shown with the container's through an idmapped mount, so that several containers may share one.
 */
export class DiskDriver implements DeviceDriver {
  constructor(private readonly host: Host) {}

  async start(device: InstanceDevice): Promise<DeviceStart> {
    const mount = await this.#mountOf(device, isUnprivileged(device));
    return mount ? { lxc: [mountEntry({ source: mount.source, target: mount.target, options: lxcOptions(mount) })] } : {};
  }

  /** The mounts went with the container's namespace. */
  async stop(): Promise<DeviceVolatile> {
    return {};
  }

  async plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    const mount = await this.#mountOf(device, running.idmap.length > 0);
    if (!mount) return {};
    const { source, target, readonly, recursive, idmapped } = mount;
    await this.host.guests.ask('mount', { pid: running.pid, source, target, readonly, recursive, idmapped });
    return {};
  }

  async unplug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    try {
      await this.host.guests.ask('unmount', { pid: running.pid, target: targetOf(device) });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EINVAL' && code !== 'ENOENT') throw error;
    }
    return {};
  }

  /** Undefined for a source that is missing and may be. */
  async #mountOf(device: InstanceDevice, unprivileged: boolean): Promise<DiskMount | undefined> {
    const { options } = device.spec;
    const source = sourceOf(device);
    const kind = await this.#kindOf(source);
    if (kind === undefined) {
      if (isOptional(options)) return undefined;
      throw new LxdError('internal', `Missing source path ${JSON.stringify(source)} for disk ${JSON.stringify(device.name)}`);
    }
    const isVolume = device.spec.volume_path !== '';
    return {
      source,
      target: targetOf(device),
      isDirectory: kind === 'directory',
      readonly: isTrue(options[diskKeys.readonly.name]),
      recursive: isTrue(options[diskKeys.recursive.name]),
      idmapped: unprivileged && (isVolume || isTrue(options[diskKeys.shift.name])),
      propagation: options[diskKeys.propagation.name] ?? '',
      extraOptions: (options[diskKeys.rawMountOptions.name] ?? '').split(',').filter(Boolean),
    };
  }

  /** Links of the host are followed: the administrator named them. */
  async #kindOf(source: string): Promise<'directory' | 'file' | undefined> {
    const real = await this.host.files.realpath(source).catch(() => undefined);
    const stat = real === undefined ? undefined : await this.host.files.stat(real);
    return stat && (stat.kind === 'directory' ? 'directory' : 'file');
  }
}

function sourceOf({ name, spec }: InstanceDevice): string {
  if (spec.volume_path !== '') return spec.volume_path;
  const source = spec.options[diskKeys.source.name] ?? '';
  if (spec.options[diskKeys.pool.name]) throw new LxdError('internal', `Storage volume ${JSON.stringify(source)} of disk ${JSON.stringify(name)} is not on this member`);
  if (/^ceph(?:fs)?:/.test(source)) throw new LxdError('unsupported', `Sources of disk ${JSON.stringify(name)} on Ceph are not supported`);
  if (!posix.isAbsolute(source)) throw new LxdError('internal', 'Source path must be absolute for local sources');
  return source;
}

/** `..` ends at the guest's root, as the reference has it. */
function targetOf({ spec }: InstanceDevice): string {
  return posix.join('/', spec.options[diskKeys.path.name] ?? '');
}

function isOptional(options: Readonly<Record<string, string>>): boolean {
  return isTrue(options[diskKeys.optional.name]) || isFalse(options[diskKeys.required.name]);
}

function isUnprivileged({ instance }: InstanceDevice): boolean {
  return !isTrue(instance.config[instanceKeys.securityPrivileged.name]);
}

function lxcOptions(mount: DiskMount): string[] {
  return [
    mount.recursive ? 'rbind' : 'bind',
    ...(mount.readonly ? ['ro'] : []),
    ...(mount.propagation ? [mount.propagation] : []),
    ...mount.extraOptions,
    mount.isDirectory ? 'create=dir' : 'create=file',
    ...(mount.idmapped ? ['idmap=container'] : []),
  ];
}
