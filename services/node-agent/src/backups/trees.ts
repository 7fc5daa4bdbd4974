/** What a backup is of: the words by which the archive names its parts. */
export interface ArchiveLayout {
  /** The volume's own tree, below "backup/". */
  volume: string;
  /** The directory of the snapshots' trees. */
  snapshots: string;
  /** A block volume's parts are single files, with this ending. */
  suffix: '' | '.img';
}

/** By the volume's type and content, as the agent's messages name them. */
export function archiveLayout({ type, content_type }: { type: string; content_type: string }): ArchiveLayout {
  const suffix = content_type === 'block' ? '.img' : '';
  return type === 'custom' ? { volume: 'volume', snapshots: 'volume-snapshots', suffix } : { volume: 'container', snapshots: 'snapshots', suffix };
}

/** "backup/container", or "backup/snapshots/<name>". */
export function treeName(layout: ArchiveLayout, snapshot: string): string {
  return snapshot === '' ? `backup/${layout.volume}` : `backup/${layout.snapshots}/${snapshot}`;
}

/** How the path of a nested subvolume becomes part of a file's name. */
export function encodedPath(path: string): string {
  return path.replaceAll('-', '--').replaceAll('/', '-');
}

/** The file of a subvolume's stream; the volume's or snapshot's own has the path "/". */
export function streamName(layout: ArchiveLayout, { snapshot, path }: { snapshot: string; path: string }): string {
  const nested = path === '/' ? '' : `_${encodedPath(path.replace(/^\//, ''))}`;
  return `${treeName(layout, snapshot)}${nested}.bin`;
}
