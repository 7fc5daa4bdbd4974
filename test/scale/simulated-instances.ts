import { LxdError } from '@asterism/errors';
import type { agentInstances, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import { failing } from './failing.js';
import { stateOf, type SimulatedHost } from './simulated-host.js';

const nothing: common.Empty = {};
const unchanged: agentInstances.VolatileChanges = { config: {} };

/** AgentInstances of a host where nothing runs: instances are started and stopped in its books. Sessions are refused. */
export class SimulatedInstances implements Service<typeof agentInstances.AgentInstancesDefinition> {
  constructor(private readonly host: SimulatedHost) {}

  async create(_call: CallContext, { spec }: agentInstances.CreatedFrom): Promise<agentInstances.VolatileChanges> {
    const { id, devices } = spec!;
    this.host.keep(id, spec!);
    const nics = Object.entries(devices).filter(([, { options }]) => options['type'] === 'nic');
    const addresses = nics.map(([name], index) => [`volatile.${name}.hwaddr`, hardwareAddress(id, index)] as const);
    return { config: { 'volatile.uuid': id, 'volatile.idmap.base': '0', 'volatile.idmap.next': '[]', 'volatile.last_state.idmap': '[]', ...Object.fromEntries(addresses) } };
  }

  async start(_call: CallContext, spec: agentInstances.InstanceSpec): Promise<agentInstances.StartedInstance> {
    this.host.keep(spec.id, spec, true);
    return { config: { 'volatile.last_state.power': 'RUNNING' }, owners_owed: false };
  }

  async *mapOwners(): AsyncIterable<agentInstances.MappedOwners> {
    yield { config: {}, files_done: 0, files: 0 };
  }

  async stop(_call: CallContext, { id }: agentInstances.StopInstance): Promise<agentInstances.VolatileChanges> {
    this.host.turn(this.host.require(id), 'Stopped');
    return { config: { 'volatile.last_state.power': 'STOPPED' } };
  }

  async freeze(_call: CallContext, { id }: agentInstances.InstanceRef): Promise<common.Empty> {
    this.host.turn(this.host.require(id), 'Frozen');
    return nothing;
  }

  async unfreeze(_call: CallContext, { id }: agentInstances.InstanceRef): Promise<common.Empty> {
    this.host.turn(this.host.require(id), 'Running');
    return nothing;
  }

  async update(_call: CallContext, { spec }: agentInstances.UpdateInstance): Promise<agentInstances.VolatileChanges> {
    this.host.keep(spec!.id, spec!);
    return unchanged;
  }

  async rename(_call: CallContext, { spec }: agentInstances.RenameInstance): Promise<common.Empty> {
    this.host.keep(spec!.id, spec!);
    return nothing;
  }

  async delete(_call: CallContext, { id }: agentInstances.InstanceSpec): Promise<common.Empty> {
    this.host.instances.delete(id);
    return nothing;
  }

  async forget(_call: CallContext, { id }: agentInstances.InstanceRef): Promise<common.Empty> {
    this.host.instances.delete(id);
    return nothing;
  }

  async states(_call: CallContext, { ids }: agentInstances.InstanceRefs): Promise<agentInstances.InstanceStates> {
    return this.#states(ids, false);
  }

  async lookAfter(): Promise<agentInstances.InstanceStates> {
    return this.#states([], false);
  }

  async fullStates(_call: CallContext, { ids }: agentInstances.InstanceRefs): Promise<agentInstances.InstanceStates> {
    return this.#states(ids, true);
  }

  async measure(_call: CallContext, { ids }: agentInstances.InstanceRefs): Promise<agentInstances.InstanceSamples> {
    const running = this.#known(ids).filter(([, { status }]) => status === 'Running');
    return { by_id: Object.fromEntries(running.map(([id, { pid }]) => [id, { samples: [{ metric: 'memory_MemTotal_bytes', labels: {}, value: 1_200_000 + pid }, { metric: 'procs_total', labels: {}, value: 2 }] }])) };
  }

  async startExec(): Promise<common.Empty> {
    throw noSessions();
  }

  async startConsole(): Promise<common.Empty> {
    throw noSessions();
  }

  async waitSession(): Promise<agentInstances.SessionResult> {
    throw noSessions();
  }

  async cancelSession(): Promise<common.Empty> {
    return nothing;
  }

  attach(): AsyncIterable<agentInstances.SessionFrame> {
    return failing(noSessions());
  }

  #states(ids: readonly string[], full: boolean): agentInstances.InstanceStates {
    return { by_id: Object.fromEntries(this.#known(ids).map(([id, instance]) => [id, stateOf(instance, full)])) };
  }

  #known(ids: readonly string[]) {
    return ids.length === 0 ? [...this.host.instances] : ids.flatMap((id) => (this.host.instances.has(id) ? [[id, this.host.instances.get(id)!] as const] : []));
  }
}

function hardwareAddress(id: string, index: number): string {
  return `00:16:3e:${id.slice(0, 2)}:${id.slice(2, 4)}:${((parseInt(id.slice(4, 6), 16) + index) % 256).toString(16).padStart(2, '0')}`;
}

function noSessions(): LxdError {
  return new LxdError('unsupported', 'A simulated instance runs no programs');
}
