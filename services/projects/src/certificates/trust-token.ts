import { createHash, randomBytes } from 'node:crypto';

/** What LXD's clients decode from a join token. */
export interface TrustToken {
  client_name: string;
  fingerprint: string;
  addresses: string[];
  secret: string;
}

export function newSecret(): string {
  return randomBytes(32).toString('hex');
}

/** Tokens are long and random, so one round is enough to keep the store from being a list of passwords. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Base64 JSON; undefined for anything else, which is then a trust password. */
export function readToken(text: string): TrustToken | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  try {
    const token = JSON.parse(Buffer.from(text, 'base64').toString()) as Partial<TrustToken> | null;
    const complete = typeof token?.client_name === 'string' && typeof token.secret === 'string' && token.secret !== '' && typeof token.fingerprint === 'string' && token.fingerprint !== '' && Array.isArray(token.addresses) && token.addresses.length > 0;
    return complete ? (token as TrustToken) : undefined;
  } catch {
    return undefined;
  }
}
