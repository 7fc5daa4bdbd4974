// The authority of the mutual TLS, and how another takes its place without anybody refusing anybody: it is announced beside the old one, signs when
// everybody knows it, and the old one is forgotten when nobody shows a certificate of it any more. The steps are at least a day apart.
import { X509Certificate } from 'node:crypto';
import { createAuthority } from '../../libs/certificates/dist/index.js';

const stepMs = 24 * 3600_000;

/** What the authority's Secret is to hold now, from what it holds; the same object where nothing is to be done. */
export async function turnAuthority(kept, now = Date.now()) {
  if (!kept) return { ...written(await createAuthority('Asterism')), changed: String(now) };
  if (now - Number(kept.changed ?? 0) < stepMs) return kept;
  if (kept['previous.crt']) return { 'tls.crt': kept['tls.crt'], 'tls.key': kept['tls.key'], changed: String(now) };
  if (kept['next.crt']) return { 'tls.crt': kept['next.crt'], 'tls.key': kept['next.key'], 'previous.crt': kept['tls.crt'], changed: String(now) };
  if (!isAgeing(kept['tls.crt'], now)) return kept;
  const next = await createAuthority('Asterism');
  return { ...kept, 'next.crt': next.certificate, 'next.key': next.key, changed: String(now) };
}

/** Whom every party trusts: who signs now, who will, and who did. */
export function trusted(authority) {
  return ['tls.crt', 'next.crt', 'previous.crt'].flatMap((name) => (authority[name] ? [authority[name].trimEnd()] : [])).join('\n') + '\n';
}

/** Whether two thirds of its life are over. */
export function isAgeing(pem, now = Date.now()) {
  const { validFrom, validTo } = new X509Certificate(pem);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return to - now <= (to - from) / 3;
}

function written({ certificate, key }) {
  return { 'tls.crt': certificate, 'tls.key': key };
}
