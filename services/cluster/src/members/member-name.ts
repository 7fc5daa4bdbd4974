import { LxdError } from '@asterism/errors';

const longest = 255;

/** Refuses what cannot name a member: it stands in URLs, lists and directories. */
export function requireMemberName(name: string): void {
  if (name.startsWith('@')) throw new LxdError('bad-request', 'ServerName may not start with "@"');
  const isPlain = /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?$/.test(name) && name.length <= longest;
  if (!isPlain || name === 'none') throw new LxdError('bad-request', `Invalid member name ${JSON.stringify(name)}`);
}
