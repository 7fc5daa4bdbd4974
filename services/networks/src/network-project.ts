import { Inject, Injectable } from '@nestjs/common';
import { isTrueKey, projectKeys } from '@asterism/config-keys';
import { isKind, LxdError } from '@asterism/errors';
import { Token, type Projects } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

export const defaultProject = 'default';

/** Whose networks a project uses: its own where features.networks says so, else those of default. */
@Injectable()
export class NetworkProject {
  constructor(@Inject(Token.Projects) private readonly projects: Projects) {}

  async owner(call: CallContext, project: string): Promise<string> {
    if (project === '' || project === defaultProject) return defaultProject;
    try {
      const resolved = await this.projects.resolve(call, { project, profiles: [] });
      return isTrueKey(resolved.project?.config ?? {}, projectKeys.featuresNetworks) ? project : defaultProject;
    } catch (error) {
      if (isKind(error, 'not-found')) throw new LxdError('not-found', `Failed to load project ${JSON.stringify(project)}: Project not found`);
      throw error;
    }
  }
}
