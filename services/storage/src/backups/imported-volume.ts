import { indexReader as read } from '@asterism/backups';
import { LxdError } from '@asterism/errors';

type Config = Record<string, string>;

export interface ImportedSnapshot {
  name: string;
  description: string;
  config: Config;
  /** 0: never. */
  expiresAtMs: number;
}

/** A custom volume as an archive describes it: wishes of a stranger, of the right shape and no more. */
export interface ImportedVolume {
  name: string;
  backend: string;
  optimized: boolean;
  description: string;
  contentType: string;
  config: Config;
  /** Oldest first. */
  snapshots: ImportedSnapshot[];
  /** By which the reference shifted the files' ids, by snapshot ("" for the volume). */
  idmaps: Record<string, string>;
}

/** By which the reference says how a volume's files are shifted. */
const appliedIdmap = 'volatile.idmap.last';

export function importedVolume(index: Readonly<Record<string, unknown>>): ImportedVolume {
  const type = read.text(index['type'], 'type');
  if (type !== 'custom') throw new LxdError('bad-request', `Backup is of type ${JSON.stringify(type)}, not of a custom volume`);
  const config = read.mapping(index['config'], 'config');
  const volume = read.mapping(config['volume'], 'volume');
  const described = read.list(config['volume_snapshots'], 'volume_snapshots').map((snapshot) => read.mapping(snapshot, 'snapshot'));
  const names = read.list(index['snapshots'], 'snapshots').map((name) => read.text(name, 'snapshots'));
  if (new Set(names).size < names.length) throw new LxdError('bad-request', 'Backup has a snapshot twice');
  const snapshots = names.map((name) => ({ name, about: described.find((each) => each['name'] === name) ?? {} }));
  const idmapOf = (about: Readonly<Record<string, unknown>>): string => read.texts(about['config'], 'config')[appliedIdmap] ?? '';
  return {
    name: read.text(index['name'], 'name'),
    backend: read.text(index['backend'], 'backend'),
    optimized: read.flag(index['optimized']),
    description: read.text(volume['description'], 'description'),
    contentType: read.text(volume['content_type'], 'content_type'),
    config: lasting(read.texts(volume['config'], 'config')),
    snapshots: snapshots.map(({ name, about }) => ({
      name,
      description: read.text(about['description'], 'description'),
      config: lasting(read.texts(about['config'], 'config')),
      expiresAtMs: read.time(about['expires_at'], 'expires_at')?.getTime() ?? 0,
    })),
    idmaps: Object.fromEntries([['', idmapOf(volume)], ...snapshots.map(({ name, about }) => [name, idmapOf(about)])]),
  };
}

function lasting(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith('volatile.')));
}
