import { instanceKeys, isFalse, isTrue } from '@asterism/config-keys';
import type { InstanceRow, Status } from '../instance.js';

/** A row whose status is another than its agent says. */
export interface Correction<R> {
  row: R;
  status: Status;
}

/** Rows whose status is not what their agent says; unknown to the agent means stopped. Rows in the middle of a change are left to it. */
export function statusCorrections<R extends Pick<InstanceRow, 'id' | 'status' | 'busy'>>(rows: readonly R[], reported: Readonly<Record<string, { status: string }>>): Correction<R>[] {
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

/** Ids that an agent knows and nobody else does: every instance has a row before its agent hears of it, and until its agent has forgotten it. */
export function withoutRow(rows: readonly Pick<InstanceRow, 'id'>[], reported: Readonly<Record<string, unknown>>): string[] {
  const known = new Set(rows.map(({ id }) => id));
  return Object.keys(reported).filter((id) => !known.has(id));
}
