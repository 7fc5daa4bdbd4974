import { createHash, randomBytes } from 'node:crypto';

/** What the joining server's client decodes from a token (base64 of JSON). */
interface JoinToken {
  server_name: string;
  secret: string;
}

export function newSecret(): string {
  return randomBytes(32).toString('hex');
}

/** Secrets are long and random: one round keeps the table from being a list of them. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Undefined for a text that is no join token: a trust password then. */
export function readJoinToken(text: string): JoinToken | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  try {
    const { server_name, secret } = JSON.parse(Buffer.from(text, 'base64').toString()) as Partial<JoinToken>;
    return typeof server_name === 'string' && typeof secret === 'string' && secret !== '' ? { server_name, secret } : undefined;
  } catch {
    return undefined;
  }
}
