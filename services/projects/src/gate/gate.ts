import { setTimeout as sleep } from 'node:timers/promises';
import { withoutEmpty } from '@asterism/api';
import { Inject, Injectable } from '@nestjs/common';
import { projectKeys, valueOf } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { common, projects } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { ProfileStore } from '../profiles/profile.store.js';
import type { ProjectRow } from '../projects/project.store.js';
import { Volumes } from '../projects/volumes.js';
import { AdmissionStore } from './admission.store.js';
import type { Devices, InstanceFacts, ProfileFacts, ProjectFacts } from './facts.js';
import { hasLimits, refusedCount, refusedLimitChange, refusedTotals, type VolumeSize } from './limits.js';
import { ProjectInstances } from './project-instances.js';
import { forbiddenInstance, forbiddenProfile, forbiddenVolatile, isRestricted } from './restrictions.js';

/** How long a creation waits to learn what became of those before it; longer than an admission counts. */
const patienceMs = 10_000;

/** The one gate of a project's limits and restrictions: gathers what the rules need, and refuses in their words. */
@Injectable()
export class Gate {
  constructor(
    @Inject(ProjectInstances) private readonly instances: ProjectInstances,
    @Inject(ProfileStore) private readonly profiles: ProfileStore,
    @Inject(Volumes) private readonly volumes: Volumes,
    @Inject(AdmissionStore) private readonly admissions: AdmissionStore,
  ) {}

  /** An instance is to be made or changed. */
  async instance(call: CallContext, project: ProjectRow, request: projects.InstanceCheck): Promise<void> {
    const candidate = instanceFacts(request);
    if (isRestricted(project.config)) {
      refuse(forbiddenVolatile(project, candidate, request.local_config, request.current_config));
    }
    const failed = `Failed checking if instance ${request.is_new ? 'creation' : 'update'} allowed: `;
    refuse(forbiddenInstance(project, candidate), failed);
    if (!hasLimits(project.config)) return;
    if (!request.is_new) {
      const { recorded, volumes } = await this.#used(call, project, candidate);
      return refuse(refusedTotals(project, [...recorded, candidate], volumes), failed);
    }
    const until = performance.now() + patienceMs;
    for (let pauseMs = 10; !(await this.#admit(call, project, candidate, failed, performance.now() > until)); pauseMs = Math.min(pauseMs * 2, 200)) await sleep(pauseMs);
  }

  /**
   * Lets a new instance in, or refuses it. False: only instances that passed the gate and have no record stand in its way.
   * They will have one soon, or are gone already, so the answer is known a little later.
   */
  async #admit(call: CallContext, project: ProjectRow, candidate: InstanceFacts, failed: string, atOnce: boolean): Promise<boolean> {
    // Asked before the turn begins: it holds a connection, which the services asked may need.
    const { recorded, volumes } = await this.#used(call, project, candidate);
    const check = (others: readonly InstanceFacts[]): void => {
      refuse(refusedCount(project, candidate.type, others));
      refuse(refusedTotals(project, [...others, candidate], volumes), failed);
    };
    return this.admissions.inTurn(project.id, async (unit) => {
      const all = withAdmitted(recorded, await this.admissions.list(unit, project.id), candidate.name);
      try {
        check(all);
      } catch (error) {
        check(recorded);
        if (atOnce) throw error;
        return false;
      }
      await this.admissions.insert(unit, project.id, candidate);
      return true;
    });
  }

  /** What a project has beside one instance. */
  async #used(call: CallContext, project: ProjectRow, candidate: InstanceFacts): Promise<{ recorded: InstanceFacts[]; volumes: VolumeSize[] }> {
    const [recorded, volumes] = await Promise.all([this.instances.facts(call, project.name), this.#volumeSizes(call, project)]);
    return { recorded: recorded.filter((other) => other.name !== candidate.name), volumes };
  }

  /** A snapshot of an instance or a volume is to be made. */
  snapshot(project: ProjectFacts): void {
    if (isRestricted(project.config) && valueOf(project.config, projectKeys.restrictedSnapshots) === 'block') {
      refuse(`Project ${JSON.stringify(project.name)} doesn't allow for snapshot creation`);
    }
  }

  /** A backup of an instance or a volume is to be made. */
  backup(project: ProjectFacts): void {
    if (isRestricted(project.config) && valueOf(project.config, projectKeys.restrictedBackups) === 'block') {
      refuse(`Project ${JSON.stringify(project.name)} doesn't allow for backup creation`);
    }
  }

  /** A profile that a project uses is to be made or changed; the instances that have it are checked as they will be. */
  async profile(call: CallContext, { project, owner }: { project: ProjectRow; owner: ProjectRow }, profile: ProfileFacts): Promise<void> {
    if (!isRestricted(project.config) && !hasLimits(project.config)) return;
    const failed = 'Failed checking if profile update allowed: ';
    const using = await this.instances.withProfile(call, project.name, profile, await this.profiles.ofProject(owner.id));
    refuse(first(using, (instance) => forbiddenInstance(project, instance)) ?? forbiddenProfile(project, profile), failed);
    if (hasLimits(project.config)) refuse(refusedTotals(project, using, await this.#volumeSizes(call, project)), failed);
  }

  /** A project's config is to change; what it has must suit the new rules. */
  async projectChange(call: CallContext, project: ProjectRow, next: ProjectFacts): Promise<void> {
    const changed = [...new Set([...Object.keys(project.config), ...Object.keys(next.config)])].filter((key) => (project.config[key] ?? '') !== (next.config[key] ?? '')).sort();
    const rules = changed.filter((key) => key === projectKeys.restricted.name || key.startsWith('restricted.'));
    const limits = changed.filter((key) => key.startsWith('limits.') && next.config[key]);
    const guarded = isRestricted(next.config) && rules.length > 0;
    if (!guarded && limits.length === 0) return;
    const instances = await this.instances.facts(call, project.name);
    if (guarded) {
      const profiles = await this.profiles.ofProject(project.id);
      const reason = first(instances, (instance) => forbiddenInstance(next, instance)) ?? first(profiles, (profile) => forbiddenProfile(next, profile));
      refuse(reason, `Conflict detected when changing ${JSON.stringify(rules[0])} in project ${JSON.stringify(project.name)}: `);
    }
    refuse(refusedLimitChange(next, limits, instances, await this.#volumeSizes(call, next)));
  }

  /** Only limits.disk asks for the volumes. */
  async #volumeSizes(call: CallContext, project: ProjectFacts): Promise<VolumeSize[]> {
    return project.config[projectKeys.limitsDisk.name] ? this.volumes.sizes(call, project.name) : [];
  }
}

/** Those that have no record yet count too. */
function withAdmitted(recorded: readonly InstanceFacts[], admitted: readonly InstanceFacts[], candidate: string): InstanceFacts[] {
  const names = new Set([candidate, ...recorded.map((instance) => instance.name)]);
  return [...recorded, ...admitted.filter((instance) => !names.has(instance.name))];
}

function instanceFacts(request: projects.InstanceCheck): InstanceFacts {
  return {
    name: request.instance_name,
    type: request.instance_type === 'virtual-machine' ? 'virtual-machine' : 'container',
    // Empty values are no part of an instance, yet LXD refuses to be asked for them.
    config: { ...request.expanded_config, ...request.local_config },
    devices: plainDevices(request.expanded_devices),
  };
}

/** Devices of a message as plain maps of options. */
export function plainDevices(devices: Readonly<Record<string, common.Device>>): Record<string, Record<string, string>> {
  return Object.fromEntries(Object.entries(devices).map(([name, device]) => [name, withoutEmpty(device.options)]));
}

/** And back. */
export function messageDevices(devices: Devices): Record<string, common.Device> {
  return Object.fromEntries(Object.entries(devices).map(([name, options]) => [name, { options: { ...options } }]));
}

function first<T>(items: readonly T[], reasonOf: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const reason = reasonOf(item);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The reference answers 500 to whatever a project's rules refuse. */
function refuse(reason: string | undefined, prefix = ''): void {
  if (reason !== undefined) throw new LxdError('internal', `${prefix}${reason}`);
}

