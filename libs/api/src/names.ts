import { LxdError } from '@asterism/errors';

/** Refuses what cannot name an instance: a host name without dots. */
export function requireInstanceName(name: string): void {
  if (name.includes('/')) throw badRequest('The character "/" is reserved for snapshots');
  const reason = invalidHostname(name);
  if (reason) throw badRequest(`Invalid instance name: ${reason}`);
}

/** Why a text is no host name, in LXD's words; undefined where it is one. */
export function invalidHostname(name: string): string | undefined {
  if (name.length < 1 || Buffer.byteLength(name) > 63) return 'Name must be 1-63 characters long';
  if (name.startsWith('-')) return 'Name must not start with "-" character';
  if (/^[0-9]/.test(name)) return 'Name must not start with a number';
  if (name.endsWith('-')) return 'Name must not end with "-" character';
  return /^[-a-zA-Z0-9]+$/.test(name) ? undefined : 'Name can only contain alphanumeric and hyphen characters';
}

/** Snapshots of instances and volumes. */
export function requireSnapshotName(name: string): void {
  if (name.includes('/')) throw badRequest('Invalid snapshot name: Cannot contain "/"');
  if (/\s/.test(name)) throw badRequest('Invalid snapshot name: Cannot contain spaces');
  refuseUnsafe('snapshot', name);
}

/** Kinds of objects whose names only have to be present, without slashes and fit for a URL and a directory. */
export type NamedKind = 'profile' | 'project' | 'storage pool' | 'storage volume';

export function requireName(kind: NamedKind, name: string): void {
  if (name === '') throw badRequest('No name provided');
  const kinds = `${kind[0]!.toUpperCase()}${kind.slice(1)} names`;
  if (name.includes('/')) throw badRequest(`${kinds} may not contain slashes`);
  if (kind === 'project') {
    if (name.includes(' ')) throw badRequest('Project names may not contain spaces');
    if (name.includes('_')) throw badRequest('Project names may not contain underscores');
    if (name.includes("'") || name.includes('"')) throw badRequest('Project names may not contain quotes');
    if (name === '*') throw badRequest('Reserved project name');
  }
  if (kind === 'storage pool' && /\s/.test(name)) throw badRequest('Storage name cannot contain white space');
  refuseUnsafe(kind, name);
}

/** Names of host interfaces. */
export function requireInterfaceName(name: string): void {
  if (name === '') throw badRequest('No name provided');
  if (name.length < 2) throw badRequest('Network interface is too short (minimum 2 characters)');
  if (name.length > 15) throw badRequest('Network interface is too long (maximum 15 characters)');
  if (!/^[-_a-zA-Z0-9.]+$/.test(name) || name === '..') throw badRequest('Network interface contains invalid characters');
}

function refuseUnsafe(kind: string, name: string): void {
  // oxlint-disable-next-line no-control-regex
  if (name === '.' || name === '..' || /[\u0000-\u001f\u007f]/.test(name)) throw badRequest(`Invalid ${kind} name ${JSON.stringify(name)}`);
}

function badRequest(message: string): LxdError {
  return new LxdError('bad-request', message);
}
