import type { Operations, operations } from '@asterism/proto';
import { LxdError } from '@asterism/errors';

/** Operations in memory, enough for the tests of services that open them. */
export interface FakeOperations extends Operations {
  opened: operations.OpenOperation[];
  closed: operations.CloseOperation[];
  /** What a process had opened before it was killed, and those that it has given up since. */
  left: string[];
  interrupted: string[];
}

export function fakeOperations(): FakeOperations {
  const opened: operations.OpenOperation[] = [];
  const closed: operations.CloseOperation[] = [];
  const unknown = (): never => {
    throw new LxdError('not-found', 'Operation not found');
  };
  return {
    opened,
    closed,
    left: [],
    interrupted: [],
    async open(_call, request) {
      opened.push(request);
      return { id: request.id, json: Buffer.from(JSON.stringify({ id: request.id, description: request.description })) };
    },
    async discard(_call, request) {
      const index = opened.findIndex((operation) => operation.id === request.id);
      if (index >= 0) opened.splice(index, 1);
      return {};
    },
    update: async () => ({}),
    async close(_call, request) {
      closed.push(request);
      return {};
    },
    async unfinished() {
      return { ids: this.left };
    },
    async interrupt(_call, { ids }) {
      this.interrupted.push(...ids);
      return {};
    },
    get: unknown,
    getRecord: unknown,
    list: unknown,
    wait: unknown,
    cancel: unknown,
    follow: unknown,
    locate: unknown,
    read: unknown,
  };
}
