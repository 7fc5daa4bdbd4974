import { instanceKeys, isDueAtStart, valueOf } from '@asterism/config-keys';
import type { StepContext } from '@asterism/tasks';
import type { InstanceRow } from '../instance.js';
import { emitSnapshot, type TaskParts } from '../task-parts.js';
import { acceptSnapshot } from './snapshot-tasks.js';

/** Takes the snapshot that "@startup" in a schedule asks for. It has the id of the start, so that a start that is repeated takes none twice. */
export async function snapshotAtStart(parts: TaskParts, { id, call, transact }: Pick<StepContext<unknown, unknown>, 'id' | 'call' | 'transact'>, row: InstanceRow): Promise<void> {
  if (!isDueAtStart(valueOf(row.expanded_config, instanceKeys.snapshotsSchedule))) return;
  if ((await parts.snapshots.of(row.id)).some((snapshot) => snapshot.id === id)) return;
  await parts.surroundings.checkSnapshot(call, row.project);
  await transact(async (unit) => {
    await parts.snapshots.delete(unit, id);
    await acceptSnapshot(parts, unit, row, { project: row.project, name: row.name, snapshot: '', stateful: false }, id);
  });
  const name = await parts.snapshots.nameById(id);
  try {
    await parts.volumes.snapshot(call, parts.volumeOf(row, name));
  } catch (error) {
    await transact(async (unit) => void (await parts.snapshots.delete(unit, id)));
    throw error;
  }
  await transact(async (unit) => {
    await parts.snapshots.setReady(unit, id);
    emitSnapshot(unit, call, 'instance-snapshot-created', row, name);
  });
}
