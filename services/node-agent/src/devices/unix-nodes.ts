import { isFalse, unixCharKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import type { Followed, InstanceDevice } from './device.js';
import { guestPath, nodeOwnership, type GuestNode } from './device-nodes.js';
import type { NodeSource } from './node-driver.js';

const keys = unixCharKeys; // those of unix-block are the same

/** "unix-char" and "unix-block": one node, of the host's or by its number. */
export class UnixNodes implements NodeSource {
  constructor(
    private readonly host: Host,
    private readonly kind: 'char' | 'block',
  ) {}

  follows(device: InstanceDevice): Followed | undefined {
    return isOptional(device) ? { path: sourceOf(device) } : undefined;
  }

  async find(device: InstanceDevice): Promise<GuestNode[]> {
    const { options } = device.spec;
    const [major, minor] = [options[keys.major.name], options[keys.minor.name]];
    const node = { ...nodeOwnership(options), kind: this.kind, path: guestPath(options[keys.path.name] || sourceOf(device)) };
    if (major && minor) return [{ ...node, major: Number(major), minor: Number(minor) }];
    if (major || minor) throw new LxdError('internal', `Both major and minor must be supplied for device: ${sourceOf(device)}`);
    const found = await this.host.files.device(sourceOf(device));
    if (found !== undefined && found !== 'none' && found.kind === this.kind) return [{ ...node, ...found }];
    if (isOptional(device)) return [];
    if (found === undefined) throw new LxdError('internal', "The required device path doesn't exist and the major and minor settings are not specified");
    throw new LxdError('internal', `Path specified is not a unix-${this.kind} device`);
  }
}

function sourceOf({ spec: { options } }: InstanceDevice): string {
  return options[keys.source.name] || options[keys.path.name] || '';
}

function isOptional({ spec: { options } }: InstanceDevice): boolean {
  return isFalse(options[keys.required.name]);
}
