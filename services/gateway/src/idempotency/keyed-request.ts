import { LxdError } from '@asterism/errors';
import { idempotency } from '@asterism/proto';
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Identity } from '../auth/identity.js';

const changing = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** The key of a changing request; undefined where there is none, or nothing to keep. */
export function keyOf(method: string, headers: IncomingHttpHeaders): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined || !changing.includes(method)) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) throw new LxdError('bad-request', 'Invalid Idempotency-Key: 1 to 255 visible characters of ASCII');
  return key;
}

/** Whose key it is: answers may be secrets, so that nobody else's key is the same. */
export function requestorOf({ protocol, username, certificate }: Identity): string {
  if (username !== '') return `${protocol}:${username}`;
  if (certificate) return `stranger:${createHash('sha256').update(certificate).digest('hex')}`;
  throw new LxdError('bad-request', 'An Idempotency-Key needs a client certificate');
}

/** What makes two requests the same, apart from their bodies. */
export function requestDigest(method: string, url: string, headers: IncomingHttpHeaders): string {
  const matter = Object.entries(headers).filter(([name]) => name === 'if-match' || name === 'content-type' || name.startsWith('x-lxd-'));
  return createHash('sha256').update(JSON.stringify([method, url, matter.sort()])).digest('hex');
}

/** A command may have begun once its operation was open; appending leaves no trace. */
export function whenCutOff(method: string, url: string, headers: IncomingHttpHeaders): idempotency.WhenCutOff {
  const path = url.split('?', 1)[0]!;
  if (method === 'POST' && path.endsWith('/exec')) return idempotency.WhenCutOff.RUN_AGAIN_UNLESS_OPENED;
  if (headers['x-lxd-write'] === 'append') return idempotency.WhenCutOff.REFUSE;
  return idempotency.WhenCutOff.RUN_AGAIN;
}
