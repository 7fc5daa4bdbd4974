import { soleMember } from '@asterism/agents';
import { instanceKeys, isTrueKey } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { defineTask, type TaskDefinition } from '@asterism/tasks';
import type { InstanceKey } from '../admission.js';
import { isRunning, type InstanceRow } from '../instance.js';
import { Refused } from '../refusal.js';
import { emit, type TaskParts } from '../task-parts.js';
import type { CallContext } from '@asterism/rpc';

/** Refuses to delete what runs or is protected, in LXD's words. */
export function requireDeletable(row: InstanceRow): void {
  if (isRunning(row)) throw new LxdError('bad-request', 'Instance is running');
  if (isTrueKey(row.config, instanceKeys.securityProtectionDelete) || isTrueKey(row.expanded_config, instanceKeys.securityProtectionDelete)) {
    throw new Refused(row.type === 'container' ? 'Container is protected' : 'Instance is protected');
  }
}

/** Removes an instance with its snapshots; the row goes last. */
export function deleteInstance(parts: TaskParts): TaskDefinition<InstanceKey, { member: string }> {
  return defineTask<InstanceKey, { member: string }>({
    kind: 'instance.delete',
    initial: () => ({ member: soleMember }),
    steps: [
      {
        name: 'everything on the member',
        async run({ call, input, state }) {
          state.member = (await removeFromMember(parts, call, input)).member;
        },
      },
    ],
    async conclude(unit, { call, input, state }) {
      parts.instances.deleteNamed(unit, input);
      emit(unit, call, 'instance-deleted', { ...input, member: state.member });
    },
    async abandon(unit, { id, input }) {
      const row = await parts.instances.lock(unit, input.project, input.name);
      await parts.instances.release(unit, row.id, id);
    },
  });
}

/** What the agent keeps of the instance, its snapshots' volumes and its own; then the files of its backups, of which none becomes whole any more. */
export async function removeFromMember(parts: TaskParts, call: CallContext, { project, name }: InstanceKey): Promise<InstanceRow> {
  const [row, snapshots] = await Promise.all([parts.instances.get(project, name), parts.snapshots.under({ project, name })]);
  await parts.agentOf(row).delete(call, parts.surroundings.bareSpec(row));
  for (const snapshot of snapshots) await parts.volumes.delete(call, parts.volumeOf(row, snapshot.name));
  await parts.volumes.delete(call, parts.volumeOf(row));
  for (const backup of await parts.instances.doomBackups(row.id)) await parts.forgetArchive(call, backup);
  return row;
}
