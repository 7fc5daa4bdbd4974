export const defaultProject = 'default';

function inProject(url: string, project: string): string {
  return project === defaultProject ? url : `${url}?project=${encodeURIComponent(project)}`;
}

/** /1.0/storage-pools/<pool>/volumes/<type>/<name>, and /snapshots/<snapshot> for "name/snapshot". */
export function volumeUrl(volume: { pool: string; project: string; type: string; name: string }): string {
  const [name = '', snapshot] = volume.name.split('/');
  const path = ['/1.0/storage-pools', volume.pool, 'volumes', volume.type, name, ...(snapshot === undefined ? [] : ['snapshots', snapshot])];
  return inProject(path.map((part, index) => (index === 0 ? part : encodeURIComponent(part))).join('/'), volume.project);
}

/** What a volume in a pool's used_by stands for: its instance, its image, or itself. */
export function userUrl(volume: { pool: string; project: string; type: string; name: string }): string {
  if (volume.type === 'custom') return volumeUrl(volume);
  if (volume.type === 'image') return `/1.0/images/${volume.name}`;
  const [instance = '', snapshot] = volume.name.split('/');
  const path = snapshot === undefined ? instance : `${instance}/snapshots/${encodeURIComponent(snapshot)}`;
  return inProject(`/1.0/instances/${path}`, volume.project);
}
