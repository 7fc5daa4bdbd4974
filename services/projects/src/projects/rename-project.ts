import { Inject, Injectable } from '@nestjs/common';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import type { common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { defineTask, Tasks, type TaskDefinition } from '@asterism/tasks';
import { invalidProjectName } from './project-name.js';
import { ProjectStore } from './project.store.js';
import { VacantProject } from './vacant-project.js';

interface Rename {
  /** Empty where no project had the name. */
  id: string;
  name: string;
  newName: string;
}

/** Renames empty projects; LXD answers with an operation, and refuses within it. */
@Injectable()
export class ProjectRename {
  readonly #task: TaskDefinition<Rename, Record<string, never>>;

  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(ProjectStore) private readonly projects: ProjectStore,
    @Inject(VacantProject) readonly vacant: VacantProject,
  ) {
    this.#task = defineTask<Rename>({ kind: 'project.rename', steps: [{ name: 'rename', run: ({ call, input, transact }) => this.#rename(call, input, transact) }] });
    tasks.register(this.#task);
  }

  async open(call: CallContext, name: string, newName: string): Promise<common.OperationAnswer> {
    const input = { id: (await this.projects.find(name))?.id ?? '', name, newName };
    return this.tasks.open(call, this.#task, { input, operation: { description: 'Renaming project', project: 'default', resources: {} } });
  }

  async #rename(call: CallContext, { id, name, newName }: Rename, transact: Transact): Promise<void> {
    const taken = await this.projects.find(newName);
    if (taken) {
      if (taken.id === id) return;
      throw new LxdError('conflict', `A project named ${JSON.stringify(newName)} already exists`);
    }
    const project = await this.projects.find(name);
    if (!project || project.id !== id) throw new LxdError('not-found', `Failed loading project ${JSON.stringify(name)}: Project not found`);
    await this.vacant.during(call, project, notEmpty, async () => {
      const invalid = invalidProjectName(newName);
      if (invalid !== undefined) throw new LxdError('bad-request', invalid);
      await transact(async (unit) => {
        await this.projects.rename(unit, id, newName);
        unit.emit(lifecycle({ action: 'project-renamed', source: `/1.0/projects/${encodeURIComponent(newName)}`, project: newName, requestor: call.requestor, context: { old_name: name } }));
      });
    });
  }
}

type Transact = Parameters<NonNullable<TaskDefinition<Rename, Record<string, never>>['steps'][number]['run']>>[0]['transact'];

function notEmpty(): never {
  throw new LxdError('bad-request', 'Only empty projects can be renamed');
}
