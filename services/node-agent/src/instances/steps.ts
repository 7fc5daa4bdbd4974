/** One step of a start; `undo` takes back what a finished step did when a later one fails. */
export interface Step<T> {
  name: string;
  run(subject: T): Promise<void>;
  undo?(subject: T): Promise<void>;
}

/** Runs steps in order; when one fails, undoes the finished ones backwards and throws its error. */
export async function runSteps<T>(steps: readonly Step<T>[], subject: T): Promise<void> {
  const done: Step<T>[] = [];
  try {
    for (const step of steps) {
      await step.run(subject);
      done.push(step);
    }
  } catch (error) {
    for (const step of done.reverse()) await step.undo?.(subject).catch(() => undefined);
    throw error;
  }
}
