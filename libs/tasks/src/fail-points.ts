import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { TaskDefinition } from './definition.js';

/**
 * Where a test lets this process die, or a step fail. There are none unless ASTERISM_FAIL_POINTS names a directory when the process starts: `kinds/`
 * there tells each kind's points, and the lines of `armed` ("<kind>\t<point>\t<kill or fail>") come true one after the other, each once.
 */
export class FailPoints {
  constructor(private readonly directory: string) {
    mkdirSync(join(directory, 'kinds'), { recursive: true });
  }

  describe<I, S extends object>(definition: TaskDefinition<I, S>): void {
    this.#replace(join(this.directory, 'kinds', definition.kind), JSON.stringify(pointsOf(definition)));
  }

  /** Comes back where nothing is armed. */
  reach(kind: string, point: string): void {
    const [first = '', ...rest] = this.#armed();
    const [armedKind, armedPoint, action] = first.split('\t');
    if (armedKind !== kind || armedPoint !== point) return;
    this.#replace(join(this.directory, 'armed'), rest.map((line) => `${line}\n`).join(''));
    if (action === 'kill') process.kill(process.pid, 'SIGKILL');
    throw new LxdError('internal', `Fail point ${JSON.stringify(point)}`);
  }

  #armed(): string[] {
    try {
      return readFileSync(join(this.directory, 'armed'), 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  }

  /** Whole or not at all, though the process ends right after it. */
  #replace(path: string, text: string): void {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }
}

export const point = {
  accepted: 'accepted',
  before: (step: string) => `before ${step}`,
  after: (step: string) => `after ${step}`,
  beforeUndo: (step: string) => `before undoing ${step}`,
  afterUndo: (step: string) => `after undoing ${step}`,
  beforeEnd: 'before the end',
  /** The operation has ended, its task is still there. */
  closed: 'operation closed',
  afterEnd: 'after the end',
  beforeFailure: 'before the failure',
  afterFailure: 'after the failure',
};

export interface StepPoints {
  name: string;
  undo: boolean;
}

/** All that a test needs to know of a kind to let it die everywhere. */
function pointsOf<I, S extends object>({ kind, steps, conclude }: TaskDefinition<I, S>): { kind: string; steps: StepPoints[]; ends: string[] } {
  return {
    kind,
    steps: steps.map(({ name, undo }) => ({ name, undo: undo !== undefined })),
    ends: [point.accepted, point.beforeEnd, ...(conclude ? [] : [point.closed]), point.afterEnd],
  };
}
