import type { warnings } from '@asterism/proto';
import type { WarningRow } from './warning.store.js';

type Raise = warnings.RaiseWarning;

/** What has to be written so that exactly these warnings are open: those that are new or say something else, and those whose cause is gone. */
export function settling(known: readonly WarningRow[], current: readonly Raise[]): { raise: Raise[]; resolve: WarningRow[] } {
  const open = known.filter(({ status }) => status !== 'resolved');
  const isSame = (row: WarningRow, wish: Raise): boolean => row.type === wish.type && row.entity_url === wish.entity_url && row.project === wish.project;
  return {
    raise: current.filter((wish) => !open.some((row) => isSame(row, wish) && row.last_message === wish.last_message && row.severity === wish.severity)),
    resolve: open.filter((row) => !current.some((wish) => isSame(row, wish))),
  };
}
