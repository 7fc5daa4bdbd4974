import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { agentStorage } from '@asterism/proto';

export type Pool = agentStorage.Pool;
export type Volume = agentStorage.Volume & { pool: Pool };

interface TypeDirectory {
  directory: string;
  mode: number;
  /** Links by which LXD's users know instances: <state-dir>/containers/<name>. */
  links?: { volumes: string; snapshots: string };
  /** Of a new volume's own directory. */
  volumeMode: number;
}

/** Volume types as the API names them, with their place in a pool. */
export const typeDirectories: Readonly<Record<string, TypeDirectory>> = {
  container: { directory: 'containers', mode: 0o711, volumeMode: 0o100, links: { volumes: 'containers', snapshots: 'snapshots' } },
  'virtual-machine': {
    directory: 'virtual-machines',
    mode: 0o700,
    volumeMode: 0o100,
    links: { volumes: 'virtual-machines', snapshots: 'virtual-machines-snapshots' },
  },
  custom: { directory: 'custom', mode: 0o700, volumeMode: 0o711 },
  image: { directory: 'images', mode: 0o700, volumeMode: 0o711 },
};

const scratchName = '.scratch';

/** Names of all directories that a pool makes for itself. */
export function poolDirectories(): string[] {
  return [...Object.values(typeDirectories).flatMap(({ directory }) => [directory, `${directory}-snapshots`]), scratchName];
}

/** Where everything of storage lies below a state directory; the tree is LXD's. */
export class Layout {
  constructor(readonly stateDir: string) {}

  get pools(): string {
    return join(this.stateDir, 'storage-pools');
  }
  pool(name: string): string {
    return join(this.pools, segment(name));
  }
  loopFile(pool: string): string {
    return join(this.stateDir, 'disks', `${segment(pool)}.img`);
  }
  /** What this member knows of its pools without being told: mounted again at start. */
  poolRecords(): string {
    return join(this.stateDir, 'pools');
  }
  poolRecord(pool: string): string {
    return join(this.poolRecords(), `${segment(pool)}.json`);
  }
  volume(volume: Volume): string {
    return join(this.pool(volume.pool.name), typeDirectory(volume.type).directory, segment(volume.name));
  }
  snapshots(volume: Volume): string {
    return join(this.pool(volume.pool.name), `${typeDirectory(volume.type).directory}-snapshots`, segment(volume.name));
  }
  snapshot(volume: Volume, snapshot: string): string {
    return join(this.snapshots(volume), segment(snapshot));
  }
  /** Where things are made before they get their name; whatever lies here at start is the rest of something that failed. */
  scratch(pool: string): string {
    return join(this.pool(pool), scratchName);
  }
  links(volume: Volume): { volume: string; snapshots: string } | undefined {
    const links = typeDirectory(volume.type).links;
    const name = segment(volume.name);
    return links && { volume: join(this.stateDir, links.volumes, name), snapshots: join(this.stateDir, links.snapshots, name) };
  }
}

export function typeDirectory(type: string): TypeDirectory {
  const found = typeDirectories[type];
  if (!found) throw new LxdError('bad-request', 'Invalid storage volume type name');
  return found;
}

/** A name that is one step of a path and nothing else. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\u0000-\u001f\u007f]/.test(name) || Buffer.byteLength(name) > 255) {
    throw new LxdError('bad-request', `Invalid name ${JSON.stringify(name)}`);
  }
  return name;
}
