import { TaskStore, type TaskRow } from './task.store.js';

/** For benchmarks only, which tell by it what durability costs: tasks leave no trace, and a crash loses them. */
export function unrecordedSteps(env: NodeJS.ProcessEnv = process.env): boolean {
  return env['ASTERISM_UNRECORDED_STEPS'] === 'measuring';
}

/** Keeps nothing. */
export class UnrecordedTasks extends TaskStore {
  override insert(): void {}

  override async save(): Promise<boolean> {
    return true;
  }

  override remove(): void {}

  override async claim(): Promise<TaskRow[]> {
    return [];
  }

  override async renew(): Promise<string[]> {
    return [];
  }
}
