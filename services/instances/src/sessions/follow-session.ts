import { LxdError } from '@asterism/errors';
import { defineTask, type TaskDefinition } from '@asterism/tasks';
import type { TaskParts } from '../task-parts.js';

export interface SessionInput {
  member: string;
  /** The instance's, for the URLs of recorded output. */
  name: string;
  recorded: boolean;
}

/** Waits for a session's end on its agent and gives the result to its operation; the session's id is the task's. */
export function followSession(parts: TaskParts): TaskDefinition<SessionInput, object> {
  return defineTask<SessionInput, object>({
    kind: 'session',
    steps: [
      {
        name: 'until the session ends',
        onlyWaits: true,
        async run({ id, call, input, result }) {
          const { exit_code, output, error } = await parts.agentOf(input).waitSession(call, { id });
          const files = Object.entries(output).map(([fd, file]) => [fd, `/1.0/instances/${input.name}/logs/${file}`]);
          if (!error || exit_code !== 0) result({ return: exit_code, ...(input.recorded ? { output: Object.fromEntries(files) } : {}) });
          if (error) throw new LxdError('bad-request', error);
        },
      },
    ],
  });
}
