import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import { InstanceTasks } from '../instance-tasks.js';
import { isRunning } from '../instance.js';
import { Refused } from '../refusal.js';
import { sourceInstance } from './source-instance.js';
import { TaskParts } from '../task-parts.js';

/** Copies that bring an earlier copy up to date instead of making one. */
@Injectable()
export class RefreshCopy {
  constructor(
    @Inject(Admission) private readonly admission: Admission,
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(TaskParts) private readonly parts: TaskParts,
  ) {}

  /** Whether there is a copy to refresh; without one it is made. */
  async concerns({ project, name, source }: instances.CreateInstance): Promise<boolean> {
    return source?.type === 'copy' && source.refresh && name !== '' && (await this.parts.instances.exists(project, name));
  }

  async refresh(call: CallContext, request: instances.CreateInstance): Promise<common.OperationAnswer> {
    const { project, name, view } = request;
    const from = request.source!;
    const [sourceName = '', snapshot = ''] = from.source.split('/', 2);
    const source = { project: from.project || project, name: sourceName, snapshot };
    const original = await sourceInstance(this.parts.instances, source.project, source.name);
    if (snapshot) await this.parts.snapshots.get(original, snapshot);
    await this.parts.surroundings.checkSnapshot(call, project).catch((error: unknown) => {
      if (!from.instance_only && snapshot === '') throw error;
    });
    return this.admission.open(call, this.definitions.refresh, {
      input: { project, name, source, withSnapshots: snapshot === '' && !from.instance_only },
      view,
      busy: 'update',
      description: 'Creating instance',
      others: [from.source],
      accept: (_unit, row) => {
        if (isRunning(row)) throw new Refused('Failed getting exclusive access to instance: Instance is running');
      },
    });
  }
}
