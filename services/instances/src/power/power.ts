import { LxdError } from '@asterism/errors';
import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Tasks } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import { requireDeletable } from '../delete/delete-instance.js';
import { isRunning, type InstanceRow } from '../instance.js';
import { InstanceStore } from '../instance.store.js';
import { InstanceTasks } from '../instance-tasks.js';
import { Placement } from '../placement/placement.js';
import { powerTaskOf } from './power-tasks.js';
import { powerAction, powerActions, requireTransition, type PowerAction, type PowerWish } from './transitions.js';

/** Starting, stopping and removing instances. */
@Injectable()
export class Power {
  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(Placement) private readonly placement: Placement,
  ) {}

  async change(call: CallContext, request: instances.ChangeStateRequest): Promise<common.OperationAnswer> {
    const { project, name, view } = refOf(request.instance);
    const wish = wishOf(request);
    return this.admission.open(call, powerTaskOf(this.definitions, wish.action), {
      input: { project, name, ...wish },
      view,
      busy: wish.action,
      description: `${powerActions[wish.action]} instance`,
      resources: ['instances'],
      accept: (_unit, row) => {
        if (wish.action === 'start') this.#requireOpen(row.member);
        requireTransition(row, wish);
      },
    });
  }

  #requireOpen(member: string): void {
    if (this.placement.isEvacuated(member)) throw new LxdError('forbidden', 'Cluster member is evacuated');
  }

  async changeMany(call: CallContext, request: instances.ChangeStatesRequest): Promise<common.OperationAnswer> {
    const wish = wishOf(request);
    const rows = await this.store.ofProject(request.project);
    const names = rows.filter((row) => concerns(row, wish.action) && !(wish.action === 'start' && this.placement.isEvacuated(row.member))).map((row) => row.name);
    return this.tasks.open(call, this.definitions.bulkPower, {
      input: { project: request.project, names, ...wish },
      operation: { description: `${powerActions[wish.action]} instance`, project: request.project, resources: { instances: names.map((name) => `/1.0/instances/${name}`) } },
    });
  }

  async delete(call: CallContext, request: instances.InstanceRef): Promise<common.OperationAnswer> {
    const { project, name, view } = request;
    return this.admission.open(call, this.definitions.delete, {
      input: { project, name },
      view,
      busy: 'delete',
      description: 'Deleting instance',
      accept: (_unit, row) => requireDeletable(row),
    });
  }
}

/** Whether a change of all instances is one of this instance. */
function concerns(row: InstanceRow, action: PowerAction): boolean {
  if (action === 'start') return !isRunning(row);
  return action === 'unfreeze' ? row.status === 'Frozen' : isRunning(row);
}

function wishOf(request: instances.ChangeStatesRequest | instances.ChangeStateRequest): PowerWish {
  return { action: powerAction(request.action), force: request.force, stateful: request.stateful, timeoutS: request.timeout_s, hostShutdown: 'host_shutdown' in request && request.host_shutdown };
}

export function refOf(ref: instances.InstanceRef | undefined): instances.InstanceRef {
  if (!ref) throw new LxdError('bad-request', 'No instance named');
  return ref;
}
