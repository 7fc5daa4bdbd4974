import { Inject, Injectable } from '@nestjs/common';
import { apiUrl } from '@asterism/api';
import { isTrue, projectKeys } from '@asterism/config-keys';
import { Token, type Images, type Instances, type Networks } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { ProfileStore } from '../profiles/profile.store.js';
import type { ProjectRow } from './project.store.js';
import { listOf, parse, Volumes } from './volumes.js';

/** Finds out what lives in projects, in LXD's order: instances, profiles, images, volumes, networks. */
@Injectable()
export class ProjectUsers {
  constructor(
    @Inject(ProfileStore) private readonly profiles: ProfileStore,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Images) private readonly images: Images,
    @Inject(Token.Networks) private readonly networks: Networks,
    @Inject(Volumes) private readonly volumes: Volumes,
  ) {}

  /** URLs by project name. */
  async usedBy(call: CallContext, projects: readonly ProjectRow[]): Promise<Map<string, string[]>> {
    const names = projects.map((project) => project.name);
    const [instances, profiles, others] = await Promise.all([
      this.instances.usedBy(call, { kind: 'project', project: '', names }),
      this.profiles.namesByProject(projects.map((project) => project.id)),
      Promise.all(projects.map((project) => this.#others(call, project))),
    ]);
    return new Map(
      projects.map((project, index) => [
        project.name,
        [
          ...(instances.by_key[project.name]?.urls ?? []),
          ...(profiles.get(project.id) ?? []).map((name) => apiUrl(['profiles', name], { project: project.name })),
          ...others[index]!,
        ],
      ]),
    );
  }

  /** What a project has of its own besides instances and profiles. */
  async #others(call: CallContext, project: ProjectRow): Promise<string[]> {
    const owns = (key: { name: string }): boolean => isTrue(project.config[key.name]);
    const found = await Promise.all([
      owns(projectKeys.featuresImages) ? this.#images(call, project.name) : [],
      owns(projectKeys.featuresStorageVolumes) ? this.volumes.ofProject(call, project.name) : [],
      owns(projectKeys.featuresNetworks) ? this.#networks(call, project.name) : [],
    ]);
    return found.flat();
  }

  async #images(call: CallContext, project: string): Promise<string[]> {
    const answer = await this.images.list(call, { list: listOf(project, 0), public_only: false });
    return urlsOf(project, parse<string[]>(answer));
  }

  async #networks(call: CallContext, project: string): Promise<string[]> {
    const networks = parse<{ name: string; managed: boolean }[]>(await this.networks.list(call, listOf(project, 1)));
    return networks.filter((network) => network.managed).map((network) => apiUrl(['networks', network.name], { project: project }));
  }
}

function urlsOf(project: string, urls: readonly string[]): string[] {
  return urls.map((url) => apiUrl([...url.split('?')[0]!.split('/').slice(2).map(decodeURIComponent)], { project: project }));
}

/** A project that holds nothing but its default profile counts as empty. */
export function isEmptyProject(usedBy: readonly string[]): boolean {
  return usedBy.every((url) => url.split('?')[0] === '/1.0/profiles/default');
}
