import { Inject, Injectable } from '@nestjs/common';
import { pages } from '@asterism/api';
import { Token, type common, type Instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { listOf, parse } from '../projects/volumes.js';
import type { Config, Devices, InstanceFacts, ProfileFacts } from './facts.js';

/** One instance as LXD renders it, with what the rules of projects and profiles need. */
export interface RenderedInstance {
  name: string;
  project: string;
  type: InstanceFacts['type'];
  profiles: string[];
  config: Config;
  devices: Devices;
  expanded_config: Config;
  expanded_devices: Devices;
}

/** The instances of projects, asked from the service that owns them in one call. */
@Injectable()
export class ProjectInstances {
  constructor(@Inject(Token.Instances) private readonly instances: Instances) {}

  async facts(call: CallContext, project: string): Promise<InstanceFacts[]> {
    const rendered = await this.#all(call, listOf(project, 1));
    return rendered.map((instance) => ({ name: instance.name, type: instance.type, config: instance.expanded_config, devices: instance.expanded_devices }));
  }

  /** A project's instances as they will be once a profile of that project has changed. */
  async withProfile(call: CallContext, project: string, changed: ProfileFacts, profiles: readonly ProfileFacts[]): Promise<InstanceFacts[]> {
    const known = new Map([...profiles, changed].map((profile) => [profile.name, profile]));
    const rendered = await this.#all(call, listOf(project, 1));
    return rendered.map((instance) => {
      const chain = instance.profiles.map((name) => known.get(name)).filter((profile) => profile !== undefined);
      return {
        name: instance.name,
        type: instance.type,
        config: Object.assign({}, ...chain.map((profile) => profile.config), instance.config) as Config,
        devices: Object.assign({}, ...chain.map((profile) => profile.devices), instance.devices) as Devices,
      };
    });
  }

  ofAllProjects(call: CallContext): Promise<RenderedInstance[]> {
    return this.#all(call, { ...listOf('default', 1), all_projects: true });
  }

  async #all(call: CallContext, list: common.ListRequest): Promise<RenderedInstance[]> {
    const all: RenderedInstance[] = [];
    for await (const page of pages((after) => this.instances.list(call, { list, type: '', view: 'instances', page: { limit: 0, after } }))) all.push(...parse<RenderedInstance[]>(page));
    return all;
  }
}
