import { expect, test } from 'vitest';
import { createAuthority } from '@asterism/certificates';
import { trusted, turnAuthority } from './authority.mjs';

const day = 24 * 3600_000;
const inYears = (years) => Date.now() + years * 365.25 * day;

async function young() {
  const { certificate, key } = await createAuthority('Asterism');
  return { 'tls.crt': certificate, 'tls.key': key };
}

test('an authority stays while more than a third of its life is left', async () => {
  const authority = await young();
  expect(await turnAuthority(authority, inYears(6))).toBe(authority);
});

test('another is announced, signs when everybody knows it, and the old one is forgotten: a day apart', async () => {
  const old = await young();
  const start = inYears(7);
  const announced = await turnAuthority(old, start);
  expect(announced['tls.crt']).toBe(old['tls.crt']);
  expect(trusted(announced)).toBe(`${old['tls.crt'].trimEnd()}\n${announced['next.crt'].trimEnd()}\n`);
  expect(await turnAuthority(announced, start + day - 1)).toBe(announced);
  const turned = await turnAuthority(announced, start + day);
  expect(turned).toMatchObject({ 'tls.crt': announced['next.crt'], 'tls.key': announced['next.key'], 'previous.crt': old['tls.crt'] });
  const alone = await turnAuthority(turned, start + 2 * day);
  expect(trusted(alone)).toBe(`${announced['next.crt'].trimEnd()}\n`);
});
