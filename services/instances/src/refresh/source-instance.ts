import { LxdError, isKind } from '@asterism/errors';
import type { InstanceRow } from '../instance.js';
import type { InstanceStore } from '../instance.store.js';

/** What a copy is made of, refused in LXD's words where it is not there. */
export async function sourceInstance(store: InstanceStore, project: string, name: string): Promise<InstanceRow> {
  try {
    return await store.get(project, name);
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
    throw new LxdError('not-found', `Failed to fetch instance "${name}" in project "${project}": Instance not found`, { cause: error });
  }
}
