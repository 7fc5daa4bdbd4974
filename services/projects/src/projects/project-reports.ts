import { Inject, Injectable } from '@nestjs/common';
import { isTrue, projectKeys } from '@asterism/config-keys';
import { Token, type Networks } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { projectState, type ResourceState } from '../gate/limits.js';
import { ProjectInstances } from '../gate/project-instances.js';
import type { ProjectRow } from './project.store.js';
import { ProjectUsers } from './project-users.js';
import { listOf, parse, Volumes } from './volumes.js';

/** What a project holds and what it claims of its limits. */
@Injectable()
export class ProjectReports {
  constructor(
    @Inject(ProjectUsers) private readonly users: ProjectUsers,
    @Inject(ProjectInstances) private readonly instances: ProjectInstances,
    @Inject(Volumes) private readonly volumes: Volumes,
    @Inject(Token.Networks) private readonly networks: Networks,
  ) {}

  usedBy(call: CallContext, projects: readonly ProjectRow[]): Promise<Map<string, string[]>> {
    return this.users.usedBy(call, projects);
  }

  async state(call: CallContext, project: ProjectRow): Promise<Record<string, ResourceState>> {
    const [instances, volumes, networks] = await Promise.all([
      this.instances.facts(call, project.name),
      isTrue(project.config[projectKeys.featuresStorageVolumes.name]) ? this.volumes.sizes(call, project.name) : [],
      isTrue(project.config[projectKeys.featuresNetworks.name]) ? this.networks.list(call, listOf(project.name, 1)).then((answer) => parse<{ managed: boolean }[]>(answer)) : [],
    ]);
    return projectState(project, instances, volumes, networks.filter((network) => network.managed).length);
  }
}
