import { LxdError } from '@asterism/errors';
import { findOnLxd } from './lxd-remote.js';
import type { RemoteImage, RemoteWish } from './remote-image.js';
import { findOnSimplestreams } from './simplestreams-remote.js';

/** Finds an image on whatever kind of server the request names. */
export function findRemote(wish: RemoteWish, signal: AbortSignal): Promise<RemoteImage> {
  if (wish.protocol === 'lxd' || wish.protocol === '') return findOnLxd(wish, signal);
  if (wish.protocol === 'simplestreams') return findOnSimplestreams(wish, signal);
  throw new LxdError('bad-request', `Unsupported protocol: ${wish.protocol}`);
}
