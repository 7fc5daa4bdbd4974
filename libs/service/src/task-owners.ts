import type { taskOwner } from '@asterism/proto';
import type { Service } from '@asterism/rpc';

export type TaskOwner = Service<typeof taskOwner.TaskOwnerDefinition>;

/** Where the tasks behind operations run, by service name. */
export class TaskOwners {
  constructor(private readonly find: (service: string) => TaskOwner | undefined) {}

  of(service: string): TaskOwner | undefined {
    return this.find(service);
  }
}
