import { LxdError } from '@asterism/errors';

/** The place of an instance in every list: lists are in the order of creation, then of names. */
export interface Place {
  /** With microseconds, as the API shows it. */
  createdAt: string;
  name: string;
  id: string;
}

/** What clients carry from page to page; they are not to look into it. */
export function cursorOf({ createdAt, name, id }: Place): string {
  return Buffer.from(JSON.stringify([createdAt, name, id])).toString('base64url');
}

export function placeOf(cursor: string): Place {
  try {
    const [createdAt, name, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    if (isTime(createdAt) && typeof name === 'string' && isId(id)) return { createdAt, name, id };
  } catch {
    // Refused below.
  }
  throw new LxdError('bad-request', 'Invalid cursor: use the one that the page before named');
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value);
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}
