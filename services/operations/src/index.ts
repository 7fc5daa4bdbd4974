import { operations } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { Housekeeping } from './housekeeping.js';
import { Journal } from './journal.js';
import { operationsTables } from './migrations/001-operations.js';
import { OperationsHandler } from './operations.handler.js';

export const operationsService = defineService({
  name: 'operations',
  providers: [Journal, OperationsHandler, Housekeeping],
  handlers: [[operations.OperationsDefinition, OperationsHandler]],
  migrations: [operationsTables],
  start: (app) => app.get(Housekeeping, { strict: false }).start(),
  stop: async (app) => app.get(Housekeeping, { strict: false }).stop(),
});
