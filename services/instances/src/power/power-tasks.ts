import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import type { Unit } from '@asterism/database';
import type { InstanceKey } from '../admission.js';
import { removeFromMember } from '../delete/delete-instance.js';
import type { Config, InstanceRow, Status } from '../instance.js';
import { snapshotAtStart } from '../snapshots/snapshot-at-start.js';
import { emit, powered, type TaskParts } from '../task-parts.js';
import { isForced, type PowerAction, type PowerWish } from './transitions.js';

export interface PowerInput extends InstanceKey, PowerWish {}

interface PowerState {
  volatile: Config;
  /** The stop of a restart is done. */
  stopped: boolean;
  ephemeral: boolean;
}

type Context = StepContext<PowerInput, PowerState>;
type PowerTask = TaskDefinition<PowerInput, PowerState>;

/** The four tasks of power, as the service's task list has them. */
export interface PowerTasks {
  readonly start: PowerTask;
  readonly stop: PowerTask;
  readonly restart: PowerTask;
  readonly freeze: PowerTask;
}

export function powerTaskOf(tasks: PowerTasks, action: PowerAction): PowerTask {
  return action === 'unfreeze' ? tasks.freeze : tasks[action];
}

const initial = (): PowerState => ({ volatile: {}, stopped: false, ephemeral: false });

/** Starting an instance: one step, which the agent takes back itself when it fails. */
export function startInstance(parts: TaskParts): PowerTask {
  return defineTask<PowerInput, PowerState>({
    kind: 'instance.start',
    initial,
    steps: [
      {
        name: 'start on the member',
        async run(context) {
          const row = await rowOf(parts, context);
          await snapshotAtStart(parts, context, row);
          context.state.volatile = await parts.start(context, row);
        },
      },
    ],
    async conclude(unit, context) {
      emit(unit, context.call, 'instance-started', await finish(parts, unit, context, 'Running'));
    },
    abandon: (unit, context) => release(parts, unit, context),
  });
}

/** Stopping, by force or by asking; an ephemeral instance is gone with it. */
export function stopInstance(parts: TaskParts): PowerTask {
  return defineTask<PowerInput, PowerState>({
    kind: 'instance.stop',
    initial,
    steps: [
      { name: 'stop on the member', run: (context) => stop(parts, context) },
      {
        name: 'remove an ephemeral instance',
        applies: (context) => context.state.ephemeral,
        run: async (context) => void (await removeFromMember(parts, context.call, context.input)),
      },
    ],
    async conclude(unit, context) {
      const row = await finish(parts, unit, context, 'Stopped');
      emit(unit, context.call, isForced(context.input) ? 'instance-stopped' : 'instance-shutdown', row);
      if (!row.ephemeral) return;
      await parts.instances.delete(unit, row.id);
      emit(unit, context.call, 'instance-deleted', row);
    },
    abandon: (unit, context) => asItStands(parts, unit, context),
  });
}

export function restartInstance(parts: TaskParts): PowerTask {
  return defineTask<PowerInput, PowerState>({
    kind: 'instance.restart',
    initial,
    steps: [
      { name: 'stop on the member', run: (context) => stop(parts, context) },
      {
        name: 'start on the member',
        async run(context) {
          const row = powered(await rowOf(parts, context), 'Stopped', context.state.volatile);
          await snapshotAtStart(parts, context, row);
          Object.assign(context.state.volatile, await parts.start(context, row));
        },
      },
    ],
    async conclude(unit, context) {
      emit(unit, context.call, 'instance-restarted', await finish(parts, unit, context, 'Running'));
    },
    abandon: (unit, context) => asItStands(parts, unit, context),
  });
}

/** Freezing and thawing. */
export function freezeInstance(parts: TaskParts): PowerTask {
  return defineTask<PowerInput, PowerState>({
    kind: 'instance.freeze',
    initial,
    steps: [
      {
        name: 'freeze or thaw on the member',
        async run(context) {
          const row = await rowOf(parts, context);
          const agent = parts.agentOf(row);
          await (context.input.action === 'freeze' ? agent.freeze(context.call, { id: row.id }) : agent.unfreeze(context.call, { id: row.id }));
        },
      },
    ],
    async conclude(unit, context) {
      const row = await parts.instances.lock(unit, context.input.project, context.input.name);
      await parts.instances.finish(unit, { ...row, status: context.input.action === 'freeze' ? 'Frozen' : 'Running' });
      emit(unit, context.call, context.input.action === 'freeze' ? 'instance-paused' : 'instance-resumed', row);
    },
    abandon: (unit, context) => release(parts, unit, context),
  });
}

function rowOf(parts: TaskParts, { input }: Context): Promise<InstanceRow> {
  return parts.instances.get(input.project, input.name);
}

async function stop(parts: TaskParts, context: Context): Promise<void> {
  const row = await rowOf(parts, context);
  const agent = parts.agentOf(row);
  const force = isForced(context.input);
  if (row.status === 'Frozen' && !force) await agent.unfreeze(context.call, { id: row.id });
  context.state.volatile = await agent.stop(context.call, { id: row.id, force, timeout_s: context.input.timeoutS }).then(({ config }) => config, unlessStopped);
  context.state.stopped = true;
  context.state.ephemeral = row.ephemeral;
}

/** It ended by itself, or before a crash of ours: what was asked for holds. */
function unlessStopped(error: unknown): Config {
  if (error instanceof LxdError && /already stopped|not running/.test(error.message)) return {};
  throw error;
}

async function finish(parts: TaskParts, unit: Unit, { input, state }: Context, status: Status): Promise<InstanceRow> {
  const row = await parts.instances.lock(unit, input.project, input.name);
  const after = powered(row, status, input.hostShutdown ? { ...state.volatile, [instanceKeys.volatileLastStatePower.name]: 'RUNNING' } : state.volatile);
  if (status === 'Running') after.last_used_at = new Date();
  await parts.instances.finish(unit, after);
  return after;
}

/** A stop cannot be taken back: what failed after it leaves a stopped instance. */
async function asItStands(parts: TaskParts, unit: Unit, context: Context): Promise<void> {
  if (context.state.stopped) await finish(parts, unit, context, 'Stopped');
  else await release(parts, unit, context);
}

async function release(parts: TaskParts, unit: Unit, { id, input }: Context): Promise<void> {
  const row = await parts.instances.lock(unit, input.project, input.name);
  await parts.instances.release(unit, row.id, id);
}
