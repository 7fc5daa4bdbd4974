import { apiUrl } from '@asterism/api';
import { isTrue, projectKeys } from '@asterism/config-keys';
import { LxdError, isKind } from '@asterism/errors';
import type { Projects } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

/** The project whose images a project uses: its own, or those of default where "features.images" is off. */
export async function imageProject(call: CallContext, projects: Projects, name: string): Promise<string> {
  const project = name || 'default';
  if (project === 'default') return project;
  try {
    const resolved = await projects.resolve(call, { project, profiles: [] });
    return isTrue(resolved.project?.config[projectKeys.featuresImages.name] ?? '') ? project : 'default';
  } catch (error) {
    if (isKind(error, 'not-found')) throw new LxdError('not-found', 'Check if project has images: fetch project: Project not found', { cause: error });
    throw error;
  }
}

export function imageUrl(project: string, fingerprint: string): string {
  return apiUrl(['images', fingerprint], { project });
}

export function aliasUrl(project: string, name: string): string {
  return apiUrl(['images', 'aliases', name], { project });
}

/** For a row that stands: a project that was deleted meanwhile is missing now, since its deletion looks for users after it has begun. */
export async function requireStaying(call: CallContext, projects: Projects, project: string): Promise<void> {
  if (project !== 'default') await projects.requireStaying(call, { name: project });
}
