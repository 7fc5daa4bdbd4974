export { Connections, type Connection } from './connections.js';
export { Database, type Unit, type DatabaseOptions } from './database.js';
export { openPool, type PoolOptions } from './pool.js';
export { type Migration, migrate } from './migrations.js';
export { OutboxRelay } from './outbox.js';
export { isUniqueViolation, isSerializationFailure, isConnectionLoss, isDivisionByZero } from './postgres-errors.js';
export { removeEmbeddedPostgres, startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
