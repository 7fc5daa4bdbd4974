import { Inject, Injectable } from '@nestjs/common';
import type { Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { CallContext } from '@asterism/rpc';
import type { ProfileFacts } from '../gate/facts.js';
import { Gate } from '../gate/gate.js';
import { defaultProject, hasOwnProfiles } from '../projects/features.js';
import { ProjectStore, type ProjectRow } from '../projects/project.store.js';
import { defaultProfile } from './profile-name.js';
import { ProfileStore, type ProfileRow } from './profile.store.js';

/** Which project's profiles apply: a project's own where features.profiles says so, else those of default. */
@Injectable()
export class ProfileScope {
  constructor(
    @Inject(ProjectStore) private readonly projects: ProjectStore,
    @Inject(ProfileStore) readonly store: ProfileStore,
    @Inject(Gate) readonly gate: Gate,
  ) {}

  /** The project whose profiles a project uses. */
  async owner(name: string): Promise<ProjectRow> {
    const project = await this.projects.find(name);
    if (!project) throw new LxdError('not-found', `Failed loading project ${JSON.stringify(name)}: Project not found`);
    return this.ownerOf(project);
  }

  async ownerOf(project: ProjectRow): Promise<ProjectRow> {
    if (hasOwnProfiles(project.config)) return project;
    const fallback = await this.projects.find(defaultProject);
    if (!fallback) throw new LxdError('internal', 'The default project is missing');
    return fallback;
  }

  /** A project and profiles that apply in it, in the order of their names in the request, repeated names included. */
  async resolve(name: string, profiles: readonly string[]): Promise<{ project: ProjectRow; profiles: ProfileRow[] }> {
    const [project, candidates] = await Promise.all([
      this.projects.find(name),
      profiles.length > 0 ? this.store.ofEither([name, defaultProject], profiles) : [],
    ]);
    if (!project) throw new LxdError('not-found', 'Project not found');
    const owner = hasOwnProfiles(project.config) ? project.name : defaultProject;
    const rows = new Map(candidates.filter((row) => row.project === owner).map((row) => [row.name, row]));
    const found = profiles.map((profile) => {
      const row = rows.get(profile);
      if (!row) throw new LxdError('not-found', `Requested profile ${JSON.stringify(profile)} doesn't exist`);
      return row;
    });
    return { project, profiles: found };
  }

  /** The projects that use a project's profiles, itself first. */
  async sharers(owner: ProjectRow): Promise<ProjectRow[]> {
    if (owner.name !== defaultProject) return [owner];
    return [owner, ...(await this.projects.list()).filter((project) => project.name !== defaultProject && !hasOwnProfiles(project.config))];
  }

  /** A profile is to be made or changed: each project that uses it has a word in it. */
  async requireAllowed(call: CallContext, owner: ProjectRow, profile: ProfileFacts): Promise<void> {
    for (const project of await this.sharers(owner)) await this.gate.profile(call, { project, owner }, profile);
  }

  async addDefault(unit: Unit, project: { id: string; name: string }): Promise<void> {
    await this.store.insert(unit, { project_id: project.id, name: defaultProfile, description: `Default LXD profile for project ${project.name}`, config: {}, devices: {} });
  }
}
