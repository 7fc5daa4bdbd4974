import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const keyBytes = 64;
const saltBytes = 32;

/** Salt and scrypt key in hex, the form in which core.trust_password is kept. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  return Buffer.concat([salt, await derive(password, salt)]).toString('hex');
}

export async function isPassword(password: string, stored: string): Promise<boolean> {
  const bytes = Buffer.from(stored, 'hex');
  if (bytes.length !== saltBytes + keyBytes) return false;
  return timingSafeEqual(await derive(password, bytes.subarray(0, saltBytes)), bytes.subarray(saltBytes));
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => scrypt(password, salt, keyBytes, { N: 1 << 14, r: 8, p: 1 }, (error, key) => (error ? reject(error) : resolve(key))));
}
