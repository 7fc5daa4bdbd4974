import { LxdError } from '@asterism/errors';
import { isRunning, type InstanceRow } from '../instance.js';
import { Refused } from '../refusal.js';

export const powerActions = { start: 'Starting', stop: 'Stopping', restart: 'Restarting', freeze: 'Freezing', unfreeze: 'Unfreezing' } as const;
export type PowerAction = keyof typeof powerActions;

export interface PowerWish {
  action: PowerAction;
  force: boolean;
  stateful: boolean;
  /** Seconds; 0 means force, negative waits without end. */
  timeoutS: number;
  /** The host goes down; the instance starts again with it. */
  hostShutdown?: boolean;
}

export function powerAction(action: string): PowerAction {
  if (action in powerActions) return action as PowerAction;
  throw new LxdError('bad-request', `Unknown action: '${action}'`);
}

/** Throws what LXD says where the present status forbids the action (its operation fails with it). */
export function requireTransition(row: Pick<InstanceRow, 'status' | 'stateful'>, wish: PowerWish): void {
  const reason = forbidden(row, wish);
  if (reason !== undefined) throw new Refused(reason);
}

function forbidden(row: Pick<InstanceRow, 'status' | 'stateful'>, wish: PowerWish): string | undefined {
  const running = isRunning(row);
  switch (wish.action) {
    case 'start':
      if (running) return 'The instance is already running';
      return wish.stateful && !row.stateful ? 'Container has no existing state to restore' : undefined;
    case 'stop':
      if (!running) return 'The instance is already stopped';
      return wish.stateful ? "Unable to perform container live migration. CRIU isn't installed" : undefined;
    case 'restart':
      if (!running) return 'The instance is already stopped';
      return row.status === 'Frozen' && !isForced(wish) ? 'Instance is not running' : undefined;
    case 'freeze':
      if (!running) return "The container isn't running";
      return row.status === 'Frozen' ? 'The container is already frozen' : undefined;
    case 'unfreeze':
      if (!running) return "The container isn't running";
      return row.status === 'Running' ? 'The container is already running' : undefined;
  }
}

/** LXD takes a timeout of 0 for force. */
export function isForced(wish: Pick<PowerWish, 'force' | 'timeoutS'>): boolean {
  return wish.force || wish.timeoutS === 0;
}
