import { sortedMap } from '@asterism/api';
import type { ProjectRow } from './project.store.js';

/** LXD's Project object. */
export function projectObject(project: ProjectRow, usedBy: readonly string[]): object {
  return { config: sortedMap(project.config), description: project.description, name: project.name, used_by: usedBy };
}

/** What a project's ETag covers. */
export function projectEtag(project: ProjectRow): unknown {
  return [project.description, sortedMap(project.config)];
}
