import { setImmediate } from 'node:timers/promises';
import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import type { Host } from '../host/host.js';
import type { Sessions } from '../sessions/sessions.js';
import { forgetNics } from '../devices/forget-nics.js';
import { sweepFilters } from '../devices/nic-filter.js';
import { reserveNics } from '../devices/reserve-nics.js';
import { forgetInstance } from '../networks/dnsmasq-hosts.js';
import { keepLink } from '../storage/volume-links.js';
import { writeBackupFile } from './backup-file.js';
import { hostName } from './instance-layout.js';
import type { KnownInstances, RunningHandle } from './known-instances.js';
import type { Containers } from './lxc/containers.js';
import { Latest } from './owners/latest.js';
import { measure } from './state/measure.js';
import type { States } from './state/states.js';
import type { Turns } from './turns.js';

type InstanceRef = agentInstances.InstanceRef;
type InstanceSpec = agentInstances.InstanceSpec;
type VolatileChanges = agentInstances.VolatileChanges;

/** What an agent's instances are made of. */
export interface InstanceParts {
  host: Host;
  known: KnownInstances;
  containers: Containers;
  states: States;
  sessions: Sessions;
  turns: Turns;
}

/** The instances of this host; calls that concern one of them happen one after the other. */
export class InstancesHandler implements Service<typeof agentInstances.AgentInstancesDefinition> {
  private readonly turns: Turns;

  constructor(private readonly parts: InstanceParts) {
    this.turns = parts.turns;
  }

  create(_call: CallContext, { spec: asked, trigger }: agentInstances.CreatedFrom): Promise<VolatileChanges> {
    const spec = container(asked);
    return this.turns.take(spec.id, async () => {
      const { host, known } = this.parts;
      if (trigger !== 'create') await this.parts.containers.adoptOwners(spec);
      const idmap = await this.parts.containers.plannedIdmap(spec);
      const planned = { ...spec, config: { ...spec.config, ...idmap } };
      await Promise.all([known.save({ ...known.find(spec.id), spec: planned }), writeBackupFile(host, spec), reserveNics(host, known.layout.stateDir, undefined, spec)]);
      return { config: { ...idmap, ...(trigger ? { [instanceKeys.volatileApplyTemplate.name]: trigger } : {}) } };
    });
  }

  start(_call: CallContext, asked: InstanceSpec): Promise<agentInstances.StartedInstance> {
    const spec = container(asked);
    return this.turns.take(spec.id, () => this.parts.containers.start(spec));
  }

  async *mapOwners(_call: CallContext, asked: InstanceSpec): AsyncIterable<agentInstances.MappedOwners> {
    const spec = container(asked);
    const news = new Latest<agentInstances.MappedOwners>();
    const work = this.turns.take(spec.id, async () => {
      const config = await this.parts.containers.mapOwners(spec, (files_done, files) => news.set({ config: {}, files_done, files }));
      await this.parts.known.save({ ...this.parts.known.find(spec.id), spec: { ...spec, config: { ...spec.config, ...config } } });
      return config;
    });
    yield* news.until(work);
    yield { config: await work, files_done: 0, files: 0 };
  }

  async stop(_call: CallContext, { id, force, timeout_s }: agentInstances.StopInstance): Promise<VolatileChanges> {
    const stop = async (): Promise<VolatileChanges> => ({ config: await this.parts.containers.stop(id, { force, timeoutMs: timeout_s * 1000 }) });
    // A forced stop does not wait for a clean one that hangs.
    if (!force) return this.turns.take(id, stop);
    await this.turns.opened;
    return stop();
  }

  async freeze(_call: CallContext, { id }: InstanceRef): Promise<common.Empty> {
    await this.turns.take(id, () => this.parts.containers.freeze(id));
    return {};
  }

  async unfreeze(_call: CallContext, { id }: InstanceRef): Promise<common.Empty> {
    await this.turns.take(id, () => this.parts.containers.unfreeze(id));
    return {};
  }

  update(_call: CallContext, { spec: asked }: agentInstances.UpdateInstance): Promise<VolatileChanges> {
    const spec = container(asked);
    return this.turns.take(spec.id, async () => {
      const { host, known } = this.parts;
      const record = known.find(spec.id);
      if (record?.running) return this.updateRunning(record.spec, spec, record.running);
      await reserveNics(host, known.layout.stateDir, record?.spec, spec);
      const config = this.parts.containers.changedIdmap(record?.spec, spec);
      await Promise.all([known.save({ spec: { ...spec, config: { ...spec.config, ...config } } }), writeBackupFile(host, spec)]);
      return { config };
    });
  }

  async rename(_call: CallContext, { spec: asked, old_name }: agentInstances.RenameInstance): Promise<common.Empty> {
    const spec = container(asked);
    await this.turns.take(spec.id, () => this.moveNames(spec, { project: spec.project, name: old_name }));
    return {};
  }

  async delete(_call: CallContext, spec: InstanceSpec): Promise<common.Empty> {
    await this.turns.take(spec.id, async () => {
      if (this.parts.known.find(spec.id)?.running) throw new LxdError('bad-request', 'Instance is running');
      await this.remove(spec);
    });
    return {};
  }

  async forget(_call: CallContext, { id }: InstanceRef): Promise<common.Empty> {
    await this.turns.take(id, async () => {
      const { known } = this.parts;
      const record = known.find(id);
      if (!record || record.running) return;
      const heir = known.all().some(({ spec }) => spec.id !== id && hostName(spec) === hostName(record.spec));
      await (heir ? known.forget(id) : this.remove(record.spec));
    });
    return {};
  }

  async states(_call: CallContext, { ids }: agentInstances.InstanceRefs): Promise<agentInstances.InstanceStates> {
    const { states } = this.parts;
    return byId(states.select(ids), (record) => states.brief(record));
  }

  async lookAfter(call: CallContext): Promise<agentInstances.InstanceStates> {
    for (const { spec } of this.parts.known.all()) await this.turns.take(spec.id, () => this.parts.containers.noteEnd(spec.id));
    await sweepFilters(this.parts.host).catch((error: unknown) => process.stderr.write(`filters of nics that are gone: ${String(error)}\n`));
    return this.states(call, { ids: [] });
  }

  async fullStates(_call: CallContext, { ids }: agentInstances.InstanceRefs): Promise<agentInstances.InstanceStates> {
    const { states } = this.parts;
    return byId(states.select(ids), (record) => states.full(record));
  }

  measure(_call: CallContext, { ids }: agentInstances.InstanceRefs): Promise<agentInstances.InstanceSamples> {
    return measure(this.parts.host, this.parts.states.select(ids));
  }
  startExec(call: CallContext, request: agentInstances.ExecSession): Promise<common.Empty> {
    return this.parts.sessions.startExec(call, request);
  }
  startConsole(call: CallContext, request: agentInstances.ConsoleSession): Promise<common.Empty> {
    return this.parts.sessions.startConsole(call, request);
  }
  waitSession(call: CallContext, request: agentInstances.SessionRef): Promise<agentInstances.SessionResult> {
    return this.parts.sessions.waitSession(call, request);
  }
  cancelSession(call: CallContext, request: agentInstances.SessionRef): Promise<common.Empty> {
    return this.parts.sessions.cancelSession(call, request);
  }
  attach(call: CallContext, frames: AsyncIterable<agentInstances.SessionFrame>): AsyncIterable<agentInstances.SessionFrame> {
    return this.parts.sessions.attach(call, frames);
  }

  private async remove(spec: InstanceSpec): Promise<void> {
    const { host, known } = this.parts;
    const { layout } = known;
    await Promise.all([layout.link(spec), layout.logs(spec), layout.devices(spec), layout.seccompPolicy(spec)].map((path) => host.files.remove(path)));
    await forgetNics(host, layout.stateDir, spec);
    await known.forget(spec.id);
  }

  private async updateRunning(before: InstanceSpec, spec: InstanceSpec, running: RunningHandle): Promise<VolatileChanges> {
    const config = await this.parts.containers.update(before, spec, running);
    await writeBackupFile(this.parts.host, spec);
    return { config };
  }

  private async moveNames(spec: InstanceSpec, old: { project: string; name: string }): Promise<void> {
    const { host, known } = this.parts;
    const { layout } = known;
    if (known.find(spec.id)?.running) throw new LxdError('bad-request', 'Renaming of running instance not allowed');
    await forgetInstance(host, layout.stateDir, { project: old.project, instance: old.name });
    await host.files.remove(layout.link(old));
    await host.files.remove(layout.seccompPolicy(old));
    await keepLink(host, spec.volume_path, layout.link(spec));
    if (await host.files.exists(layout.logs(old))) {
      await host.files.remove(layout.logs(spec));
      await host.files.rename(layout.logs(old), layout.logs(spec));
    }
    await Promise.all([known.save({ spec }), writeBackupFile(host, spec)]);
  }
}

function container(spec: InstanceSpec | undefined): InstanceSpec {
  if (!spec?.id) throw new LxdError('bad-request', 'No instance given');
  if (spec.type !== 'container') throw new LxdError('unsupported', `Instances of type "${spec.type}" are not supported on this member`);
  return spec;
}

/** Reading one takes a tenth of a millisecond without a pause: whoever asks for many lets others in between. */
const readWithoutPause = 32;

async function byId<R extends { spec: InstanceSpec }>(records: R[], state: (record: R) => Promise<agentInstances.InstanceState>): Promise<agentInstances.InstanceStates> {
  const entries: [string, agentInstances.InstanceState][] = [];
  for (let at = 0; at < records.length; at += readWithoutPause) {
    if (at > 0) await setImmediate();
    entries.push(...(await Promise.all(records.slice(at, at + readWithoutPause).map(async (record): Promise<[string, agentInstances.InstanceState]> => [record.spec.id, await state(record)]))));
  }
  return { by_id: Object.fromEntries(entries) };
}
