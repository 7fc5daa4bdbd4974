import { Tasks } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { createInstance } from './create/create-instance.js';
import { deleteInstance } from './delete/delete-instance.js';
import { bulkPower } from './power/bulk-power.js';
import { freezeInstance, restartInstance, startInstance, stopInstance } from './power/power-tasks.js';
import { refreshInstance } from './refresh/refresh-instance.js';
import { moveInstance } from './rename/move-instance.js';
import { renameInstance } from './rename/rename-instance.js';
import { followSession } from './sessions/follow-session.js';
import { restoreInstance } from './snapshots/restore-instance.js';
import { createSnapshot, deleteSnapshot, renameSnapshot, updateSnapshot } from './snapshots/snapshot-tasks.js';
import { TaskParts } from './task-parts.js';
import { updateInstance } from './update/update-instance.js';

/** Every durable task of the service, known to the runner from the start so that it can take over any of them. */
@Injectable()
export class InstanceTasks {
  readonly create: ReturnType<typeof createInstance>;
  readonly start: ReturnType<typeof startInstance>;
  readonly stop: ReturnType<typeof stopInstance>;
  readonly restart: ReturnType<typeof restartInstance>;
  readonly freeze: ReturnType<typeof freezeInstance>;
  readonly bulkPower: ReturnType<typeof bulkPower>;
  readonly delete: ReturnType<typeof deleteInstance>;
  readonly rename: ReturnType<typeof renameInstance>;
  readonly move: ReturnType<typeof moveInstance>;
  readonly refresh: ReturnType<typeof refreshInstance>;
  readonly update: ReturnType<typeof updateInstance>;
  readonly restore: ReturnType<typeof restoreInstance>;
  readonly createSnapshot: ReturnType<typeof createSnapshot>;
  readonly deleteSnapshot: ReturnType<typeof deleteSnapshot>;
  readonly renameSnapshot: ReturnType<typeof renameSnapshot>;
  readonly updateSnapshot: ReturnType<typeof updateSnapshot>;
  readonly session: ReturnType<typeof followSession>;

  constructor(@Inject(Tasks) tasks: Tasks, @Inject(TaskParts) parts: TaskParts) {
    tasks.register((this.create = createInstance(parts)));
    tasks.register((this.start = startInstance(parts)));
    tasks.register((this.stop = stopInstance(parts)));
    tasks.register((this.restart = restartInstance(parts)));
    tasks.register((this.freeze = freezeInstance(parts)));
    tasks.register((this.bulkPower = bulkPower(tasks, parts, this)));
    tasks.register((this.delete = deleteInstance(parts)));
    tasks.register((this.rename = renameInstance(parts)));
    tasks.register((this.move = moveInstance(parts)));
    tasks.register((this.refresh = refreshInstance(parts)));
    tasks.register((this.update = updateInstance(parts)));
    tasks.register((this.restore = restoreInstance(parts)));
    tasks.register((this.createSnapshot = createSnapshot(parts)));
    tasks.register((this.deleteSnapshot = deleteSnapshot(parts)));
    tasks.register((this.renameSnapshot = renameSnapshot(parts)));
    tasks.register((this.updateSnapshot = updateSnapshot(parts)));
    tasks.register((this.session = followSession(parts)));
  }
}
