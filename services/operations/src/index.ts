import { idempotency, operations } from '@asterism/proto';
import { defineService, RuntimeInfo } from '@asterism/service';
import { Cancelling } from './cancelling.js';
import { Housekeeping } from './housekeeping.js';
import { IdempotencyHandler } from './idempotency/idempotency.handler.js';
import { KeyStore } from './idempotency/key.store.js';
import { Traces } from './idempotency/traces.js';
import { Interrupted } from './interrupted.js';
import { Journal } from './journal.js';
import { operationsTables } from './migrations/001-operations.js';
import { idempotencyTables } from './migrations/002-idempotency.js';
import { recordColumns } from './migrations/003-records.js';
import { runnerColumn } from './migrations/004-runners.js';
import { OperationsHandler } from './operations.handler.js';
import { RetentionConfig } from './retention.js';

export const operationsService = defineService({
  name: 'operations',
  providers: [Journal, Interrupted, OperationsHandler, Cancelling, RetentionConfig, Housekeeping, IdempotencyHandler, KeyStore, Traces],
  handlers: [
    [operations.OperationsDefinition, OperationsHandler],
    [idempotency.IdempotencyDefinition, IdempotencyHandler],
  ],
  migrations: [operationsTables, idempotencyTables, recordColumns, runnerColumn],
  listen: (app) => app.get(Housekeeping, { strict: false }).listen(),
  start: (app) => app.get(Housekeeping, { strict: false }).start({ isAlone: app.get(RuntimeInfo, { strict: false }).composition === 'standalone' }),
  stop: async (app) => app.get(Housekeeping, { strict: false }).stop(),
});
