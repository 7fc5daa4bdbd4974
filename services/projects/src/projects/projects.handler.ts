import { Inject, Injectable } from '@nestjs/common';
import { document, requireMatch, requireUnchanged, untilUnchanged, withoutEmpty } from '@asterism/api';
import { Database, isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { common, type Projects, type projects } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { messageDevices } from '../gate/gate.js';
import { ProfileScope } from '../profiles/profile-scope.js';
import { defaultProject, hasOwnProfiles, invalidProject, refusedFeatureChange, withFeatureDefaults } from './features.js';
import { projectEtag, projectObject } from './project-document.js';
import { invalidProjectName } from './project-name.js';
import { ProjectReports } from './project-reports.js';
import { ProjectStore, type ProjectRow } from './project.store.js';
import { ProjectRename } from './rename-project.js';
import { isEmptyProject } from './project-users.js';

/** The service Projects: records, rules, and what others need to know of a project. */
@Injectable()
export class ProjectsHandler implements Projects {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ProjectStore) private readonly store: ProjectStore,
    @Inject(ProfileScope) private readonly profiles: ProfileScope,
    @Inject(ProjectReports) private readonly reports: ProjectReports,
    @Inject(ProjectRename) private readonly renaming: ProjectRename,
  ) {}

  async list(call: CallContext, request: common.ListRequest): Promise<common.Document> {
    const visible = (await this.store.list()).filter((project) => request.visible_projects.length === 0 || request.visible_projects.includes(project.name));
    if (request.recursion === 0) return document(visible.map((project) => projectPath(project.name)));
    const usedBy = await this.reports.usedBy(call, visible);
    return document(visible.map((project) => projectObject(project, usedBy.get(project.name) ?? [])));
  }

  async get(call: CallContext, { name }: projects.NameRequest): Promise<common.Document> {
    const project = await this.#load(name);
    const usedBy = await this.reports.usedBy(call, [project]);
    return document(projectObject(project, usedBy.get(name) ?? []), projectEtag(project));
  }

  async state(call: CallContext, { name }: projects.NameRequest): Promise<common.Document> {
    const project = await this.#load(name, 'Fetch project database object: ');
    return document({ resources: await this.reports.state(call, project) });
  }

  async create(call: CallContext, request: projects.CreateProject): Promise<common.Created> {
    refuse(invalidProjectName(request.name));
    const config = withFeatureDefaults(request.config);
    refuse(invalidProject(config));
    const { name, description } = request;
    try {
      await this.database.transact(async (unit) => {
        const id = await this.store.insert(unit, { name, description, config: withoutEmpty(config) });
        if (hasOwnProfiles(config)) await this.profiles.addDefault(unit, { id, name });
        unit.emit(projectEvent(call, 'project-created', name));
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new LxdError('conflict', `Failed creating project ${JSON.stringify(name)}: Failed adding database record: This "projects" entry already exists`);
    }
    return { url: projectPath(name) };
  }

  async update(call: CallContext, request: projects.UpdateProject): Promise<common.Empty> {
    await untilUnchanged(() => this.#update(call, request));
    return {};
  }

  async #update(call: CallContext, request: projects.UpdateProject): Promise<void> {
    const project = await this.#load(request.name);
    requireMatch(request.if_match, projectEtag(project));
    const merge = request.mode === common.UpdateMode.MERGE;
    const config = withoutEmpty(merge ? { ...project.config, ...request.config } : request.config);
    const usedBy = (await this.reports.usedBy(call, [project])).get(project.name) ?? [];
    refuse(refusedFeatureChange(project, config, !isEmptyProject(usedBy)));
    refuse(invalidProject(config));
    await this.profiles.gate.projectChange(call, project, { name: project.name, config });
    const write = () =>
      this.database.transact(async (unit) => {
        const current = await this.store.lock(unit, project.name);
        if (!current) throw new LxdError('not-found', 'Project not found');
        requireMatch(request.if_match, projectEtag(current));
        requireUnchanged(projectEtag(project), projectEtag(current));
        await this.store.update(unit, { id: current.id, description: request.description ?? (merge ? current.description : ''), config });
        await this.#followProfilesFeature(unit, current, hasOwnProfiles(config));
        unit.emit(projectEvent(call, 'project-updated', project.name));
      });
    const onlyWhenEmpty = refusedFeatureChange(project, config, true);
    await (onlyWhenEmpty === undefined ? write() : this.renaming.vacant.during(call, project, () => refused(onlyWhenEmpty), write));
  }

  async rename(call: CallContext, request: projects.RenameProject): Promise<common.OperationAnswer> {
    if (request.name === defaultProject) throw new LxdError('forbidden', "The 'default' project cannot be renamed");
    return this.renaming.open(call, request.name, request.new_name);
  }

  async delete(call: CallContext, { name }: projects.NameRequest): Promise<common.Empty> {
    if (name === defaultProject) throw new LxdError('forbidden', "The 'default' project cannot be deleted");
    const project = await this.#load(name, `Fetch project ${JSON.stringify(name)}: `);
    await this.renaming.vacant.during(call, project, notEmpty, () =>
      this.database.transact(async (unit) => {
        // A profile that is made meanwhile holds the project's row, or finds it gone.
        await this.store.lock(unit, name);
        if (await this.store.hasOtherProfiles(unit, project.id)) notEmpty();
        await this.store.delete(unit, project.id);
        unit.emit(projectEvent(call, 'project-deleted', name));
      }),
    );
    return {};
  }

  async requireStaying(_call: CallContext, { name }: projects.NameRequest): Promise<common.Empty> {
    if (!(await this.store.isStaying(name))) throw new LxdError('not-found', 'Project not found');
    return {};
  }

  async resolve(_call: CallContext, request: projects.ResolveRequest): Promise<projects.Resolved> {
    const { project, profiles } = await this.profiles.resolve(request.project, request.profiles);
    const { name, description, config } = project;
    return { project: { name, description, config }, profiles: profiles.map((profile) => ({ name: profile.name, config: profile.config, devices: messageDevices(profile.devices) })) };
  }

  async checkInstance(call: CallContext, request: projects.InstanceCheck): Promise<common.Empty> {
    await this.profiles.gate.instance(call, await this.#load(request.project), request);
    return {};
  }

  async checkSnapshot(_call: CallContext, { name }: projects.NameRequest): Promise<common.Empty> {
    this.profiles.gate.snapshot(await this.#load(name));
    return {};
  }

  async checkBackup(_call: CallContext, { name }: projects.NameRequest): Promise<common.Empty> {
    this.profiles.gate.backup(await this.#load(name));
    return {};
  }

  /** Own profiles come with an own default one, and go with all. */
  async #followProfilesFeature(unit: Unit, project: ProjectRow, own: boolean): Promise<void> {
    if (own === hasOwnProfiles(project.config)) return;
    if (own) await this.profiles.addDefault(unit, project);
    else await this.profiles.store.deleteOfProject(unit, project.id);
  }

  async #load(name: string, prefix = ''): Promise<ProjectRow> {
    const project = await this.store.find(name);
    if (!project) throw new LxdError('not-found', `${prefix}Project not found`);
    return project;
  }
}

function notEmpty(): never {
  throw new LxdError('internal', 'Only empty projects can be removed');
}

function projectPath(name: string): string {
  return `/1.0/projects/${encodeURIComponent(name)}`;
}

function projectEvent(call: CallContext, action: string, name: string) {
  return lifecycle({ action, source: projectPath(name), project: name, requestor: call.requestor });
}

function refused(reason: string): never {
  throw new LxdError('bad-request', reason);
}

function refuse(reason: string | undefined): void {
  if (reason !== undefined) throw new LxdError('bad-request', reason);
}
