import { Inject, Injectable } from '@nestjs/common';
import { LxdError } from '@asterism/errors';
import { Token, type Instances, type Networks } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import type { Devices } from '../gate/facts.js';
import { ProjectInstances } from '../gate/project-instances.js';
import type { ProjectRow } from '../projects/project.store.js';
import { invalidProfileConfig, invalidProfileDevices, namedNetworks } from './invalid-profile.js';
import { ProfileScope } from './profile-scope.js';
import type { ProfileRow } from './profile.store.js';
import { reliesOnRootDisk } from './root-disk-rule.js';

/** What a profile touches outside its own rows: networks it names, instances that have it. */
@Injectable()
export class ProfileSurroundings {
  constructor(
    @Inject(ProfileScope) private readonly scope: ProfileScope,
    @Inject(ProjectInstances) private readonly projectInstances: ProjectInstances,
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(Token.Networks) private readonly networks: Networks,
  ) {}

  /** URLs of the instances that have these profiles, by profile name. */
  async usedBy(call: CallContext, owner: ProjectRow, names: readonly string[]): Promise<Map<string, string[]>> {
    if (names.length === 0) return new Map();
    const { by_key } = await this.instances.usedBy(call, { kind: 'profile', project: owner.name, names: [...names] });
    return new Map(names.map((name) => [name, by_key[name]?.urls ?? []]));
  }

  /** Refuses a config or devices that no profile may have. */
  async requireValid(call: CallContext, project: string, profile: Pick<ProfileRow, 'config' | 'devices'>): Promise<void> {
    const invalid = invalidProfileConfig(profile.config) ?? invalidProfileDevices(profile.devices, project, await this.#networkTypes(call, project, profile.devices));
    if (invalid !== undefined) throw new LxdError('bad-request', invalid);
  }

  /** Refuses to take away or move the root disk that instances have from a profile. */
  async requireRootDisks(call: CallContext, owner: ProjectRow, profile: ProfileRow, next: Devices): Promise<void> {
    const asksOnlyIfMoved = reliesOnRootDisk(profile, next, [{ devices: {}, profiles: [profile.name] }], new Map([[profile.name, profile.devices]]));
    if (!asksOnlyIfMoved) return;
    const sharers = new Set((await this.scope.sharers(owner)).map((project) => project.name));
    const users = (await this.projectInstances.ofAllProjects(call)).filter((instance) => sharers.has(instance.project) && instance.profiles.includes(profile.name));
    const profiles = new Map((await this.scope.store.ofProject(owner.id)).map((row) => [row.name, row.devices]));
    if (reliesOnRootDisk(profile, next, users, profiles)) throw new LxdError('internal', "At least one instance relies on this profile's root disk device");
  }

  /** Lets every instance that has the profile follow its change before the caller gets an answer. */
  async apply(call: CallContext, owner: ProjectRow, profile: string, newName = ''): Promise<void> {
    await this.instances.applyProfile(call, { project: owner.name, profile, new_name: newName });
  }

  async #networkTypes(call: CallContext, project: string, devices: Devices): Promise<Record<string, string>> {
    const names = namedNetworks(devices);
    if (names.length === 0) return {};
    const { by_name } = await this.networks.lookup(call, { project, names });
    return Object.fromEntries(Object.entries(by_name).filter(([, network]) => network.managed).map(([name, network]) => [name, network.type]));
  }
}
