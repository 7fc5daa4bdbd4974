import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { Token, type Cluster, type common, type Evacuations, type instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defineTask, Tasks, type StepContext, type TaskDefinition } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning, type InstanceRow } from '../instance.js';
import { allowedGroups, Placement } from '../placement/placement.js';
import { candidates } from '../placement/candidates.js';
import { Moves } from '../rename/moves.js';
import { TaskParts } from '../task-parts.js';
import { leavingOf } from './leaving.js';
import { Relocation } from './relocation.js';

interface Evacuation {
  member: string;
}

type Context = StepContext<Evacuation, object>;

/** The service Evacuations: a member is emptied of its instances, and gets them back. */
@Injectable()
export class EvacuationsHandler implements Evacuations {
  readonly #tasks: Readonly<Record<string, { definition: TaskDefinition<Evacuation, object>; description: string }>>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(Placement) private readonly placement: Placement,
    @Inject(Moves) private readonly moves: Moves,
    @Inject(Relocation) private readonly relocation: Relocation,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
  ) {
    const evacuate = defineTask<Evacuation>({
      kind: 'member.evacuate',
      steps: [
        { name: 'the member is closed', run: (context) => this.#setEvacuated(context, true), undo: (context) => this.#setEvacuated(context, false, true) },
        { name: 'its instances leave', run: (context) => this.#leave(context) },
      ],
    });
    const restore = defineTask<Evacuation>({
      kind: 'member.restore',
      steps: [
        { name: 'the member is opened', run: (context) => this.#setEvacuated(context, false), undo: (context) => this.#setEvacuated(context, true, true) },
        { name: 'what was stopped starts', run: (context) => this.#startAgain(context) },
        { name: 'what left comes back', run: (context) => this.#comeBack(context) },
      ],
    });
    tasks.register(evacuate);
    tasks.register(restore);
    this.#tasks = { evacuate: { definition: evacuate, description: 'Evacuating cluster member' }, restore: { definition: restore, description: 'Restoring cluster member' } };
  }

  async change(call: CallContext, { member: asked, action }: instances.MemberState): Promise<common.OperationAnswer> {
    if (!this.placement.isClustered) throw new LxdError('bad-request', 'This server is not clustered');
    const member = this.placement.require(asked);
    const task = Object.hasOwn(this.#tasks, action) ? this.#tasks[action] : undefined;
    if (!task) throw new LxdError('bad-request', `Unknown action ${JSON.stringify(action)}`);
    if (!this.placement.facts().some(({ name, online }) => name === member && online)) throw new LxdError('unavailable', `Cluster member "${member}" is offline`);
    return this.tasks.open(call, task.definition, { input: { member }, operation: { description: task.description, project: '', resources: {}, location: member } });
  }

  async #setEvacuated({ call, id, input }: Context, evacuated: boolean, takes_back = false): Promise<void> {
    await this.cluster.setEvacuated(call, { name: input.member, evacuated, by: id, takes_back });
  }

  async #leave(context: Context): Promise<void> {
    const { member } = context.input;
    for (const row of await this.parts.instances.ofMember(member)) await this.#leaveOne(context, row);
    // A crash may have come between the move of one and its start.
    for (const row of await this.parts.instances.evacuatedFrom(member)) if (row.member !== member) await this.#startWhatRan(context, row);
  }

  async #leaveOne(context: Context, row: InstanceRow): Promise<void> {
    const leaving = leavingOf(row);
    if (isRunning(row)) {
      if (leaving === 'live-migrate') throw new LxdError('internal', `Failed to migrate instance: Failed stopping instance "${row.name}": Unable to perform container live migration. CRIU isn't installed`);
      tell(context, `Stopping ${subject(row)}`);
      await this.relocation.stop(context.call, row);
    }
    const stopped = await this.relocation.now(row);
    if (!stopped || leaving === 'stop') return;
    const target = await this.#target(context, stopped);
    if (target === undefined) return;
    tell(context, `Migrating ${subject(row)} to "${target}"`);
    if (!stopped.config[instanceKeys.volatileEvacuateOrigin.name]) await this.relocation.setOrigin(stopped, context.input.member);
    await this.relocation.move(context.call, stopped, target).catch((error: unknown) => {
      throw error instanceof LxdError ? new LxdError(error.kind, `Failed to migrate instance: ${error.message}`, { cause: error }) : error;
    });
    await this.#startWhatRan(context, row);
  }

  /** The least loaded of those that may have it; without one it stays, stopped. */
  async #target({ call, input }: Context, row: InstanceRow): Promise<string | undefined> {
    const [project, withPool] = await Promise.all([this.parts.surroundings.resolve(call, row.project, []), this.moves.membersWithPool(call, row)]);
    const others = candidates(this.placement.facts(), { architectures: [row.architecture], allowedGroups: allowedGroups(project.config) });
    return this.placement.leastLoaded(others.filter((member) => member !== input.member && withPool.includes(member)));
  }

  async #startAgain(context: Context): Promise<void> {
    for (const row of await this.parts.instances.ofMember(context.input.member)) await this.#startWhatRan(context, row);
  }

  async #comeBack(context: Context): Promise<void> {
    for (const { id } of await this.parts.instances.evacuatedFrom(context.input.member)) {
      const row = await this.relocation.now({ id });
      if (!row) continue;
      if (row.member !== context.input.member) {
        tell(context, `Migrating ${subject(row)} from "${row.member}"`);
        if (isRunning(row)) {
          tell(context, `Stopping ${subject(row)}`);
          await this.relocation.stop(context.call, row);
        }
        await this.relocation.move(context.call, row, context.input.member);
      }
      await this.#startWhatRan(context, row);
      const back = await this.relocation.now(row);
      if (back) await this.relocation.setOrigin(back, '');
    }
  }

  /** What its user stopped stays stopped. */
  async #startWhatRan(context: Context, { id }: InstanceRow): Promise<void> {
    const row = await this.relocation.now({ id });
    if (!row || isRunning(row) || row.config[instanceKeys.volatileLastStatePower.name] !== 'RUNNING') return;
    tell(context, `Starting ${subject(row)}`);
    await this.relocation.start(context.call, row).catch((error: unknown) => {
      throw error instanceof LxdError ? new LxdError(error.kind, `Failed to start instance "${row.name}": ${error.message}`, { cause: error }) : error;
    });
  }
}

function tell(context: Context, evacuation_progress: string): void {
  context.progress({ evacuation_progress });
}

function subject({ name, project }: InstanceRow): string {
  return `"${name}" in project "${project}"`;
}
