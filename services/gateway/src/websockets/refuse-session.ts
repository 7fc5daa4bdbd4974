import { isKind, LxdError } from '@asterism/errors';
import type { Operations } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

/** Says why a session's socket cannot be opened, as the reference does (most of it with status 500). */
export async function refuseSession(operations: Operations, call: CallContext, id: string, secret: string): Promise<never> {
  const found = await operations.get(call, { id, secret: '', visible_projects: [] }).catch((error: unknown) => {
    if (isKind(error, 'not-found') && secret === '') throw new LxdError('bad-request', 'missing secret');
    throw error;
  });
  const operation = JSON.parse(found.json.toString()) as { class: string };
  if (operation.class !== 'websocket') throw new LxdError('internal', 'Only websocket operations can be connected');
  throw new LxdError('internal', secret === '' ? 'missing secret' : 'permission denied');
}
