import { instanceKeys, isFalse, isTrue } from '@asterism/config-keys';
import type { InstanceRow, Status } from '../instance.js';

/** Rows whose status is not what their agent says; unknown to the agent means stopped. Rows in the middle of a change are left to it. */
export function statusCorrections(rows: readonly InstanceRow[], reported: Readonly<Record<string, { status: string }>>): { row: InstanceRow; status: Status }[] {
  return rows
    .filter((row) => row.busy === null)
    .map((row) => ({ row, status: (reported[row.id]?.status || 'Stopped') as Status }))
    .filter(({ row, status }) => row.status !== status);
}

/** Instances to start when their member comes up, in order: those that ask for it, and those that ran when it went down. */
export function autostartOrder(rows: readonly InstanceRow[], reported: Readonly<Record<string, { status: string }>>): InstanceRow[] {
  const { bootAutostart, bootAutostartPriority, volatileLastStatePower } = instanceKeys;
  const priority = (row: InstanceRow): number => Number(row.expanded_config[bootAutostartPriority.name] ?? 0) || 0;
  return rows
    .filter((row) => row.busy === null && (reported[row.id]?.status || 'Stopped') === 'Stopped')
    .filter((row) => {
      const wish = row.expanded_config[bootAutostart.name];
      return isTrue(wish) || (!isFalse(wish) && row.config[volatileLastStatePower.name] === 'RUNNING');
    })
    .sort((a, b) => priority(b) - priority(a) || (a.name < b.name ? -1 : 1));
}
