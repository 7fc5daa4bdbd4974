import { LxdError } from '@asterism/errors';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Refuses requests that a web page of another origin made a browser send: client certificates go along with those, so neither
 * verbs nor websockets may rely on them alone. Other clients send neither header.
 */
export function refuseCrossSite(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw new LxdError('forbidden', 'Forbidden Sec-Fetch-Site header value');
  const origin = headers.origin;
  if (origin !== undefined && hostOf(origin) !== headers.host) throw new LxdError('forbidden', 'Forbidden Origin header value');
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
