import { isKind, LxdError } from '@asterism/errors';

/** SQLSTATE of a database error, looked for behind TypeORM's wrapping. */
function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, driverError } = error as { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && code.length === 5) return code;
  return driverError === undefined ? undefined : sqlState(driverError);
}

const diskFull = '53100';

/** A row with this key exists. `constraint` narrows to one constraint's name. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== '23505') return false;
  if (constraint === undefined) return true;
  const { constraint: own, driverError } = error as { constraint?: string; driverError?: { constraint?: string } };
  return (own ?? driverError?.constraint) === constraint;
}

export function isSerializationFailure(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}

/** What this connection has prepared fits the tables no more, as after a migration: another connection knows nothing of it. */
export function isStalePlan(error: unknown): boolean {
  const state = sqlState(error);
  return state === '26000' || (state === '0A000' && error instanceof Error && error.message.includes('cached plan'));
}

/** A statement divided by zero. */
export function isDivisionByZero(error: unknown): boolean {
  return sqlState(error) === '22012';
}

/** Refused because an earlier statement of the transaction failed. */
export function isAborted(error: unknown): boolean {
  return sqlState(error) === '25P02';
}

/** The database cannot be reached, or has no connection, memory or room left; also as `unreachable` tells it. */
export function isConnectionLoss(error: unknown): boolean {
  if (isKind(error, 'unavailable') && error.cause !== undefined) return isConnectionLoss(error.cause);
  // What an agent says of its files may sound alike.
  if (error instanceof LxdError && !isKind(error, 'unavailable')) return false;
  const state = sqlState(error);
  if (state?.startsWith('08') || state === '57P01' || state === '57P02' || state === '57P03' || state?.startsWith('53')) return true;
  return error instanceof Error && /ECONNREFUSED|ECONNRESET|EPIPE|Connection terminated|not queryable|Client was closed|connect ENOENT|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|timeout exceeded when trying to connect/.test(error.message);
}

/** An error as callers get it: that the database is away is nobody's fault and may be over in a moment. */
export function unreachable(error: unknown): unknown {
  if (error instanceof LxdError || !isConnectionLoss(error)) return error;
  return new LxdError('unavailable', sqlState(error) === diskFull ? 'The database has no room left' : 'The database cannot be reached', { cause: error });
}
