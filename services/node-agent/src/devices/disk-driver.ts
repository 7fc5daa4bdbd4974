import { join, posix } from 'node:path';
import { diskKeys, instanceKeys, isFalse, isTrue } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import type { MountFlag } from '../host/mounts.js';
import { InstanceLayout } from '../instances/instance-layout.js';
import { diskLimitOptions, diskRates } from '../instances/lxc/disk-limits.js';
import { cephSource, fileSystemMount, mapImage, unmapImage, type CephSource } from './ceph-sources.js';
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
}

/** The volatile key of an image's block device. */
const mappedImage = 'ceph_rbd';
const mountFlags: MountFlag[] = ['nosuid', 'nodev', 'noexec'];
const propagations = ['private', 'shared', 'slave', 'unbindable', 'rprivate', 'rshared', 'rslave', 'runbindable'];

/**
 * Disks other than the root: paths of the host and custom volumes, bound into the container. Volumes keep the ids they were written with on disk
 * and are shown with the container's through an idmapped mount, so that several containers may share one.
 */
export class DiskDriver implements DeviceDriver {
  readonly #layout: InstanceLayout;

  constructor(
    private readonly host: Host,
    stateDir: string,
  ) {
    this.#layout = new InstanceLayout(stateDir);
  }

  async start(device: InstanceDevice): Promise<DeviceStart> {
    const volatile: DeviceVolatile = {};
    const found = await this.#mountOf(device, isUnprivileged(device), volatile);
    const mount = found && { ...found, source: await this.#reachable(device, found) };
    return mount ? { lxc: [mountEntry({ source: mount.source, target: mount.target, options: lxcOptions(mount) })], volatile } : {};
  }

  /** The mounts went with the container's namespace; the host's own of a block device is left. */
  async stop(device: InstanceDevice): Promise<DeviceVolatile> {
    const place = this.#hostMount(device);
    const image = await this.#mappedImage(device);
    if (await this.host.files.exists(place)) {
      await this.host.mounts.unmount(place, { lazy: true });
      await this.host.files.remove(place);
    }
    if (image === undefined) return {};
    if (await this.host.files.isBlockDevice(image)) await unmapImage(this.host, image);
    return { [mappedImage]: '' };
  }

  /** A start that failed has kept no key: then the mount says it. */
  async #mappedImage(device: InstanceDevice): Promise<string | undefined> {
    const { options } = device.spec;
    if (options[mappedImage]) return options[mappedImage];
    if (!options[diskKeys.source.name]?.startsWith('ceph:')) return undefined;
    return (await this.host.mounts.list()).find((entry) => entry.target === this.#hostMount(device))?.source;
  }

  async plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    const volatile: DeviceVolatile = {};
    const mount = await this.#mountOf(device, running.idmap.length > 0, volatile);
    if (!mount) return {};
    const { source, target, readonly, recursive, idmapped, propagation } = mount;
    await this.host.guests.ask('mount', { pid: running.pid, source, target, readonly, recursive, idmapped, propagation });
    return volatile;
  }

  async unplug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    try {
      await this.host.guests.ask('unmount', { pid: running.pid, target: targetOf(device) });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EINVAL' && code !== 'ENOENT') throw error;
    }
    return this.stop(device);
  }

  /** The limits of all disks are applied together, with those of the instance. */
  async update(): Promise<DeviceVolatile> {
    return {};
  }

  canUpdate(changedOptions: string[]): boolean {
    return changedOptions.every((option) => diskLimitOptions.includes(option));
  }

  /** Undefined for a source that is missing and may be. */
  async #mountOf(device: InstanceDevice, unprivileged: boolean, volatile: DeviceVolatile): Promise<DiskMount | undefined> {
    const { options } = device.spec;
    diskRates(options);
    const ceph = device.spec.volume_path === '' ? cephSource(options) : undefined;
    const named = ceph ? await this.#cephSource(device, ceph, volatile) : sourceOf(device);
    const source = (await this.host.files.isBlockDevice(named)) ? await this.#mountBlock(device, named).catch((error: unknown) => this.#giveUp(volatile, error)) : named;
    const kind = await this.#kindOf(source);
    if (kind === undefined) {
      if (isOptional(options)) return undefined;
      throw new LxdError('internal', `Missing source path ${JSON.stringify(source)} for disk ${JSON.stringify(device.name)}`);
    }
    const idmapped = unprivileged && (device.spec.volume_path !== '' || isTrue(options[diskKeys.shift.name]));
    if (idmapped && !(await this.host.owners.canMap(source))) throw new LxdError('internal', 'Required idmapping abilities not available');
    return {
      source,
      target: targetOf(device),
      isDirectory: kind === 'directory',
      readonly: isTrue(options[diskKeys.readonly.name]),
      recursive: isTrue(options[diskKeys.recursive.name]),
      idmapped,
      propagation: propagationOf(options),
    };
  }

  /** LXC maps the ids of a volume from inside the user namespace, where nobody gets through the pool's closed directories: such a volume is bound beside them. */
  async #reachable(device: InstanceDevice, { source, idmapped, isDirectory, recursive }: DiskMount): Promise<string> {
    if (!idmapped || !isDirectory || device.spec.volume_path === '') return source;
    const place = this.#hostMount(device);
    if (await this.host.mounts.isMounted(place)) return place;
    await this.host.files.mkdir(place, { mode: 0o711 });
    await this.host.mounts.bind(source, place, { recursive });
    return place;
  }

  /** An image is mapped and mounted like any block device, a file system is mounted at once. */
  async #cephSource(device: InstanceDevice, ceph: CephSource, volatile: DeviceVolatile): Promise<string> {
    const place = this.#hostMount(device);
    if (await this.host.mounts.isMounted(place)) return place;
    if (ceph.kind === 'rbd') {
      const mapped = device.spec.options[mappedImage];
      volatile[mappedImage] = mapped && (await this.host.files.isBlockDevice(mapped)) ? mapped : await mapImage(this.host, ceph);
      return volatile[mappedImage];
    }
    const { source, data } = await fileSystemMount(this.host, ceph);
    await this.host.files.mkdir(place, { mode: 0o711 });
    try {
      await this.host.mounts.mount(source, place, 'ceph', { data });
      return place;
    } catch (error) {
      await this.host.files.remove(place);
      throw new LxdError('internal', `Unable to mount ${JSON.stringify(source)} at ${JSON.stringify(place)} with filesystem "ceph": ${(error as Error).message}`, { cause: error });
    }
  }

  async #giveUp(volatile: DeviceVolatile, error: unknown): Promise<never> {
    const image = volatile[mappedImage];
    if (image) await unmapImage(this.host, image).catch(() => undefined);
    throw error;
  }

  /** A block device's file system is mounted on the host, with the options its owner gave, and bound from there. */
  async #mountBlock(device: InstanceDevice, source: string): Promise<string> {
    const { options } = device.spec;
    const place = this.#hostMount(device);
    if (await this.host.mounts.isMounted(place)) return place;
    const { stdout } = await this.host.exec(['blkid', '-c', '/dev/null', '-o', 'value', '-s', 'TYPE', source], { okCodes: [0, 2] });
    const type = stdout.trim();
    if (type === '') throw new LxdError('internal', `No file system was found on ${JSON.stringify(source)} of disk ${JSON.stringify(device.name)}`);
    await this.host.files.mkdir(place, { mode: 0o711 });
    const words = (options[diskKeys.rawMountOptions.name] ?? '').split(',').filter(Boolean);
    const flags = mountFlags.filter((flag) => words.includes(flag));
    if (words.includes('ro') || isTrue(options[diskKeys.readonly.name])) flags.push('rdonly');
    const data = words.filter((word) => !['ro', 'rw', ...mountFlags].includes(word)).join(',');
    try {
      await this.host.mounts.mount(source, place, type, { flags, ...(data ? { data } : {}) });
    } catch (error) {
      await this.host.files.remove(place);
      throw new LxdError('internal', `Unable to mount ${JSON.stringify(source)} at ${JSON.stringify(place)} with filesystem ${JSON.stringify(type)}: ${(error as Error).message}`, { cause: error });
    }
    return place;
  }

  #hostMount({ instance, name }: InstanceDevice): string {
    return join(this.#layout.devices(instance), `disk.${encodeURIComponent(name)}`);
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
  if (source === cloudInitSource) throw new LxdError('internal', 'disks with source=cloud-init:config are only supported by virtual machines');
  if (!posix.isAbsolute(source)) throw new LxdError('internal', 'Source path must be absolute for local sources');
  return source;
}

/** `..` ends at the guest's root, as the reference has it. */
function targetOf({ spec }: InstanceDevice): string {
  return posix.join('/', spec.options[diskKeys.path.name] ?? '');
}

const cloudInitSource = 'cloud-init:config';

function propagationOf(options: Readonly<Record<string, string>>): string {
  const mode = options[diskKeys.propagation.name] ?? '';
  if (mode !== '' && !propagations.includes(mode)) throw new LxdError('internal', `Invalid propagation mode ${JSON.stringify(mode)}`);
  return mode;
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
    mount.isDirectory ? 'create=dir' : 'create=file',
    ...(mount.idmapped ? ['idmap=container'] : []),
  ];
}
