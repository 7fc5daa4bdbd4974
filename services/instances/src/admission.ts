import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Unit } from '@asterism/database';
import { operations as operationsProto, Token, type Operations, type common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Tasks, type OperationSpec, type TaskDefinition } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import type { Busy, InstanceRow } from './instance.js';
import { InstanceStore } from './instance.store.js';
import { InstanceBusy, Refused } from './refusal.js';

/** Which instance a task works on; its name cannot change while the task holds it. */
export interface InstanceKey {
  project: string;
  name: string;
}

export interface Change<I extends InstanceKey> {
  input: I;
  view?: string;
  busy: Busy;
  /** LXD's words for the operation. */
  description: string;
  /** Which collections the operation names; power changes name "instances" alone. */
  resources?: readonly string[];
  /** Other instances that the operation names beside its own. */
  others?: readonly string[];
  /** Throws Refused where the instance's present state forbids the change; runs while the row is held. May write what is accepted. */
  accept?(unit: Unit, row: InstanceRow, task: string): Promise<void> | void;
}

const patienceMs = 10_000;
const lookAgainMs = 25;

/** Lets one change of an instance in at a time, and gives refused ones the failed operation that LXD gives them. */
@Injectable()
export class Admission {
  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(Token.Operations) private readonly operations: Operations,
    @Inject(InstanceStore) private readonly store: InstanceStore,
  ) {}

  /** Opens the operation of a change; what the instance's state forbids fails in it. */
  async open<I extends InstanceKey, S extends object>(call: CallContext, definition: TaskDefinition<I, S>, change: Change<I>): Promise<common.OperationAnswer> {
    const operation = operationOn(change);
    const until = performance.now() + patienceMs;
    for (;;) {
      try {
        return await this.tasks.open(call, definition, { input: change.input, operation }, (unit, id) => this.admit(unit, id, change));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (!(error instanceof InstanceBusy) || performance.now() > until || isPower(change.busy, error)) return this.fail(call, operation, error);
      }
      await sleep(lookAgainMs);
    }
  }

  /** Runs a change without public operation and waits for its end; refusals are the caller's. */
  async perform<I extends InstanceKey, S extends object>(call: CallContext, definition: TaskDefinition<I, S>, change: Change<I>): Promise<void> {
    const until = performance.now() + patienceMs;
    for (;;) {
      try {
        return await this.tasks.perform(call, definition, change.input, (unit, id) => this.admit(unit, id, change));
      } catch (error) {
        if (!(error instanceof InstanceBusy) || performance.now() > until) throw error;
      }
      await sleep(lookAgainMs);
    }
  }

  /** An operation that has failed already. */
  async fail(call: CallContext, operation: OperationSpec, error: Error): Promise<common.OperationAnswer> {
    const id = randomUUID();
    const answer = await this.operations.open(call, {
      id,
      class: operationsProto.OperationClass.TASK,
      description: operation.description,
      project: operation.project,
      resources: Object.fromEntries(Object.entries(operation.resources).map(([kind, urls]) => [kind, { urls }])),
      metadata: Buffer.alloc(0),
      may_cancel: false,
      owner: 'instances',
      location: '',
    });
    await this.operations.close(call, { id, status_code: 400, error: error.message, metadata: Buffer.alloc(0), steps: Buffer.alloc(0) });
    return answer;
  }

  private async admit<I extends InstanceKey>(unit: Unit, task: string, change: Change<I>): Promise<void> {
    const row = await this.store.lock(unit, change.input.project, change.input.name, change.view);
    if (row.busy) throw new InstanceBusy(row.busy);
    await change.accept?.(unit, row, task);
    this.store.setBusy(unit, row.id, change.busy, task);
  }
}

export function operationOn(change: Pick<Change<InstanceKey>, 'input' | 'description' | 'resources' | 'others'>): OperationSpec {
  const kinds = change.resources ?? ['instances', 'containers'];
  return {
    description: change.description,
    project: change.input.project,
    resources: Object.fromEntries(kinds.map((kind) => [kind, [change.input.name, ...(change.others ?? [])].map((name) => `/1.0/${kind}/${name}`)])),
  };
}

/** Two power changes do not wait for each other: LXD says at once that the instance is busy. */
function isPower(wanted: Busy, busy: InstanceBusy): boolean {
  const power: readonly Busy[] = ['start', 'stop', 'restart'];
  return power.includes(wanted) && power.some((action) => busy.message.includes(`"${action}"`));
}
