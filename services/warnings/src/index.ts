import { warnings } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { warningsSchema } from './migrations/001-warnings.js';
import { PruneResolved } from './prune-resolved.js';
import { WarningStore } from './warning.store.js';
import { WarningsHandler } from './warnings.handler.js';

/** Trouble that no request could be told of: raised by services and agents, acknowledged by users. */
export const warningsService = defineService({
  name: 'warnings',
  providers: [WarningsHandler, WarningStore, PruneResolved],
  handlers: [[warnings.WarningsDefinition, WarningsHandler]],
  migrations: [warningsSchema],
  membersIn: [['warnings.warnings', 'location']],
  membersGoFrom: [['warnings.warnings', 'location']],
  start: (app) => app.get(PruneResolved, { strict: false }).start(),
});
