import { requireInstanceName } from '@asterism/api';
import { guardsVolatile, isGuardedVolatile } from '@asterism/config-keys';
import { isUniqueViolation } from '@asterism/database';
import { LxdError, isKind } from '@asterism/errors';
import { Token, type Images, type common, type images, type instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Tasks, type OperationSpec } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Admission } from '../admission.js';
import { type InstanceRow, type SnapshotRow } from '../instance.js';
import type { NewInstance } from '../instance.store.js';
import { InstanceTasks } from '../instance-tasks.js';
import { randomName } from '../names/random-name.js';
import { Refused } from '../refusal.js';
import { requireFreeNics } from '../nic-conflicts.js';
import { isUnknownProfile, plainDevices } from '../surroundings.js';
import type { Wanted } from '../placement/candidates.js';
import { allowedGroups, Placement, requireMayTarget } from '../placement/placement.js';
import { TaskParts } from '../task-parts.js';
import { RefreshCopy } from '../refresh/refresh-copy.js';
import { sourceInstance } from '../refresh/source-instance.js';
import { copiedConfig } from '../volatile.js';
import type { VolumeSource } from './create-instance.js';
import { InstanceTypes } from './instance-types.js';
import { draftInstance, placeInstance, RecordRefused, type CreationWish, type DraftInstance } from './plan.js';
import { instanceType, requireArchitecture } from './request.js';

/** A wish with where its root volume comes from and the snapshots that come along. */
export interface Prepared {
  wish: CreationWish;
  source: VolumeSource;
  snapshots: SnapshotRow[];
  /** Config that nobody asks for: a copy has it from its source. */
  given?: DraftInstance['config'];
  /** Of an instance that was one before. */
  times?: { createdAt: Date | undefined; lastUsedAt: Date | undefined };
}

const nameTaken = 'Add instance info to the database: This "instances" entry already exists';

/** By which name, and where. */
interface Named {
  name: string;
  member: string;
}

/** Creates instances: from an image, as copies, or empty. */
@Injectable()
export class Creation {
  readonly #types = new InstanceTypes();

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(Token.Images) private readonly images: Images,
    @Inject(RefreshCopy) private readonly refreshes: RefreshCopy,
    @Inject(Placement) private readonly placement: Placement,
  ) {}

  async create(call: CallContext, request: instances.CreateInstance): Promise<common.OperationAnswer> {
    const name = request.name || randomName();
    if (await this.refreshes.concerns(request)) return this.refreshes.refresh(call, request);
    const operation = operationOf(request, name);
    requireCreatable(request, name);
    const place = await this.placement.choose(await this.target(request), { project: request.project, name }, await this.wanted(call, request));
    try {
      return await this.accept(call, await this.prepare(call, request, { name, member: place.member }), operation);
    } catch (error) {
      if (error instanceof Refused) return this.admission.fail(call, operation, error);
      throw error;
    } finally {
      place.settled();
    }
  }

  /** The gate, the placement and the row: from here on the task finishes or takes everything back. */
  async accept(call: CallContext, prepared: Prepared, operation: OperationSpec): Promise<common.OperationAnswer> {
    const draft = draftInstance(prepared.wish);
    const row = await this.place(call, draft, { asked: prepared.wish.config, given: prepared.given ?? {} }).catch(async (error: unknown) => {
      throw error instanceof RecordRefused && (await this.parts.instances.exists(draft.project, draft.name)) ? new RecordRefused(nameTaken) : error;
    });
    const { source, snapshots } = prepared;
    const input = { project: row.project, name: row.name, row, source, trigger: prepared.wish.trigger };
    const accepted = this.tasks.open(call, this.definitions.create, { input, operation: { ...operation, location: row.member } }, async (unit, task) => {
      this.parts.instances.insert(unit, { ...row, busy_task: task });
      if (prepared.times) this.parts.instances.setTimes(unit, row.id, prepared.times);
      for (const snapshot of snapshots) await this.parts.snapshots.insert(unit, { ...snapshot, id: randomUUID(), instance_id: row.id, ready: false });
    });
    return accepted.catch((error: unknown) => {
      throw isUniqueViolation(error) ? new RecordRefused(nameTaken) : error;
    });
  }

  /** The gate judges what the user asked for, not what the server adds to it. */
  private async place(call: CallContext, draft: DraftInstance, config: { asked: DraftInstance['config']; given: DraftInstance['config'] }): Promise<NewInstance> {
    const [facts] = await Promise.all([
      this.parts.surroundings.facts(call, draft.project, draft.expanded_devices),
      this.parts.surroundings.check(call, {
        project: draft.project,
        instance_name: draft.name,
        instance_type: draft.type,
        expanded_config: draft.expanded_config,
        expanded_devices: draft.expanded_devices,
        local_config: config.asked,
        local_devices: draft.devices,
        is_new: true,
        current_config: config.given,
      }),
    ]);
    const row = placeInstance(draft, facts);
    const checks = this.parts.surroundings
      .requireSources(call, row, row.expanded_devices, facts)
      .then(() => requireFreeNics(this.parts.instances, row.expanded_devices, { owner: row, all: row.expanded_devices, facts }));
    await checks.catch((error: unknown) => {
      throw error instanceof LxdError ? new RecordRefused(`Failed initialising instance: ${error.message}`) : error;
    });
    return row;
  }

  /** The member asked for; a copy that asks for none stays beside its source, where it costs least. */
  private async target({ target, source, project }: instances.CreateInstance): Promise<string> {
    if (target !== '' || source?.type !== 'copy' || !source.source || !this.placement.isClustered) return target;
    const { member } = await sourceInstance(this.parts.instances, source.project || project, source.source.split('/', 1)[0] ?? '');
    return this.placement.isEvacuated(member) ? '' : member;
  }

  /** What the place must have; nobody is asked where there is one place only. */
  private async wanted(call: CallContext, request: instances.CreateInstance): Promise<Wanted> {
    if (!this.placement.isClustered) return {};
    const { config } = await this.parts.surroundings.resolve(call, request.project, []);
    requireMayTarget(config, request);
    return { allowedGroups: allowedGroups(config), architectures: await this.architectures(call, request) };
  }

  /** Those that the instance can have; empty where that is not known yet. */
  private async architectures(call: CallContext, { project, source, architecture }: instances.CreateInstance): Promise<string[]> {
    if (source?.type === 'copy') return [(await sourceInstance(this.parts.instances, source.project || project, source.source.split('/', 1)[0] ?? '')).architecture];
    if (source?.type !== 'image' || source.server || (!source.alias && !source.fingerprint)) return architecture ? [architecture] : [];
    try {
      const fingerprint = source.alias ? targetOf(await this.images.getAlias(call, { project, name: source.alias, public_only: false })) : source.fingerprint;
      return [architectureOf(await this.images.get(call, { project, fingerprint, secret: '', public_only: false }))];
    } catch (error) {
      if (isKind(error, 'not-found')) return []; // told when the image is looked for
      throw error;
    }
  }

  private async prepare(call: CallContext, request: instances.CreateInstance, name: Named): Promise<Prepared> {
    const source = request.source?.type ?? '';
    if (instanceType(request) === 'virtual-machine') throw new RecordRefused('Instance type "virtual-machine" is not supported on this server: QEMU is not available');
    if (source === 'copy') return this.prepareCopy(call, request, name);
    return source === 'image' ? this.prepareFromImage(call, request, name) : this.prepareEmpty(call, request, name);
  }

  private async prepareEmpty(call: CallContext, request: instances.CreateInstance, name: Named): Promise<Prepared> {
    const wish = await this.wishOf(call, request, name, request.profiles?.names ?? ['default']);
    return { wish: { ...wish, architecture: request.architecture || this.placement.architectureOf(name.member) || hostArchitecture() }, source: { snapshots: [] }, snapshots: [] };
  }

  private async prepareFromImage(call: CallContext, request: instances.CreateInstance, name: Named): Promise<Prepared> {
    const image = await this.ensureImage(call, request, name.member);
    if (image.type !== 'container') throw new Refused('Requested image\'s type "virtual-machine" doesn\'t match instance type "container"');
    const wish = await this.wishOf(call, request, name, request.profiles?.names ?? (image.profiles.length > 0 ? image.profiles : ['default']));
    return {
      wish: { ...wish, architecture: image.architecture, image: { fingerprint: image.fingerprint, properties: image.properties } },
      source: { image: image.fingerprint, snapshots: [] },
      snapshots: [],
    };
  }

  private async ensureImage(call: CallContext, request: instances.CreateInstance, member: string): Promise<images.EnsuredImage> {
    const { alias = '', fingerprint = '', properties = {} } = request.source ?? {};
    if (!alias && !fingerprint && Object.keys(properties).length === 0) {
      throw new LxdError('internal', 'Must specify one of alias, fingerprint or properties for init from image');
    }
    try {
      return await this.images.ensure(call, { project: request.project, alias, fingerprint, properties, member, server: imageServer(request.source) });
    } catch (error) {
      if (isKind(error, 'not-found') && !alias && !request.source?.server) throw new Refused('Image not provided for instance creation');
      throw error;
    }
  }

  private async prepareCopy(call: CallContext, request: instances.CreateInstance, name: Named): Promise<Prepared> {
    const from = request.source?.source ?? '';
    if (!from) throw new LxdError('bad-request', 'Must specify a source instance');
    const project = request.source?.project || request.project;
    const [sourceName = '', snapshotName = ''] = from.split('/', 2);
    const original = await sourceInstance(this.parts.instances, project, sourceName);
    const snapshot = snapshotName ? await this.parts.snapshots.get(original, snapshotName) : undefined;
    const origin: InstanceRow | SnapshotRow = snapshot ?? original;
    const wish = await this.wishOf(call, request, name, request.profiles?.names ?? []);
    const snapshots = snapshot || request.source?.instance_only ? [] : await this.parts.snapshots.of(original.id);
    return {
      wish: {
        ...wish,
        architecture: origin.architecture,
        description: request.description || origin.description,
        config: { ...copiedConfig(origin.config), ...wish.config },
        devices: { ...origin.devices, ...plainDevices(request.devices) },
        trigger: 'copy',
      },
      source: { copyFrom: this.parts.volumeOf(original, snapshotName), snapshots: snapshots.map((row) => row.name) },
      snapshots,
      given: copiedConfig(origin.config),
    };
  }

  private async wishOf(call: CallContext, request: instances.CreateInstance, { name, member }: Named, profiles: readonly string[]): Promise<CreationWish> {
    const resolved = await this.parts.surroundings.resolve(call, request.project, profiles).catch((error: unknown) => {
      if (isUnknownProfile(error)) throw new LxdError('internal', error.message, { cause: error });
      throw isKind(error, 'not-found') ? new LxdError('not-found', 'Failed loading project: Project not found', { cause: error }) : error;
    });
    requireMayTarget(resolved.config, request);
    return {
      project: request.project,
      name,
      member,
      type: instanceType(request),
      architecture: request.architecture,
      description: request.description,
      ephemeral: request.ephemeral,
      config: { ...(await this.#types.limits(request.instance_type)), ...askedConfig(request, resolved.config) },
      devices: plainDevices(request.devices),
      profiles: resolved.profiles,
      trigger: 'create',
    };
  }
}

/** Clients that move an instance between projects send its volatile keys with it: where users may not set them they stay behind. */
function askedConfig(request: instances.CreateInstance, project: Readonly<Record<string, string>>): DraftInstance['config'] {
  if (request.source?.type !== 'copy' || !guardsVolatile(project, instanceType(request))) return request.config;
  return Object.fromEntries(Object.entries(request.config).filter(([key]) => !isGuardedVolatile(key)));
}

/** What a request cannot ask for, wherever it would come to. */
function requireCreatable(request: instances.CreateInstance, name: string): void {
  const source = request.source?.type ?? '';
  if (source === 'migration') throw new LxdError('unsupported', `Mode "${request.source?.mode ?? ''}" not implemented`);
  if (source !== 'image' && source !== 'none' && source !== 'copy') throw new LxdError('bad-request', `Unknown source type ${source}`);
  requireInstanceName(name);
  instanceType(request);
  requireArchitecture(request.architecture);
}

function operationOf(request: instances.CreateInstance, name: string): OperationSpec {
  const names = request.source?.type === 'copy' && request.source.source ? [name, request.source.source] : [name];
  return {
    description: 'Creating instance',
    project: request.project,
    resources: { instances: names.map((each) => `/1.0/instances/${each}`), containers: names.map((each) => `/1.0/containers/${each}`) },
  };
}

function hostArchitecture(): string {
  return { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
}

function imageServer(source: instances.InstanceSource | undefined): images.ImageServer | undefined {
  if (!source?.server) return undefined;
  const { server: url, protocol, certificate, secret } = source;
  return { url, protocol, certificate, secret };
}

function targetOf(alias: common.Document): string {
  return (JSON.parse(alias.json.toString()) as { target: string }).target;
}

function architectureOf(image: common.Document): string {
  return (JSON.parse(image.json.toString()) as { architecture: string }).architecture;
}
