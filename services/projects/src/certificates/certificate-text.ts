import { X509Certificate } from 'node:crypto';
import { LxdError } from '@asterism/errors';

/** A certificate as the trust store keeps it. */
export interface ReadCertificate {
  /** SHA-256 of the DER bytes, in hex. */
  fingerprint: string;
  pem: string;
  commonName: string;
  dnsNames: string[];
}

/** Base64 DER, as LXD's clients send it; PEM is understood too. */
export function readCertificate(text: string): ReadCertificate {
  if (text.includes('-----BEGIN')) return readDer(derOfPem(text));
  const bad = firstNonBase64(text);
  if (bad !== undefined) throw new LxdError('bad-request', `illegal base64 data at input byte ${bad}`);
  return readDer(Buffer.from(text, 'base64'));
}

export function readDer(der: Uint8Array): ReadCertificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (error) {
    throw new LxdError('bad-request', 'Failed to parse certificate: x509: malformed certificate', { cause: error });
  }
  return {
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    pem: pemOf(certificate.raw),
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '',
    dnsNames: [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,]+)/g)].map((match) => match[1]!),
  };
}

/** A PEM certificate within the dates it names itself. */
export function isCurrent(pem: string, at: Date): boolean {
  const certificate = new X509Certificate(pem);
  return new Date(certificate.validFrom) <= at && at <= new Date(certificate.validTo);
}

function derOfPem(text: string): Buffer {
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(text)?.[1];
  if (body === undefined) throw new LxdError('bad-request', 'Failed to decode PEM certificate');
  return Buffer.from(body, 'base64');
}

function pemOf(der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Where Go's decoder would stop; undefined where the text is base64. */
function firstNonBase64(text: string): number | undefined {
  const clean = text.replace(/[\r\n]/g, '');
  const bad = clean.search(/[^A-Za-z0-9+/=]/);
  if (bad >= 0) return bad;
  const padding = clean.indexOf('=');
  if (padding >= 0 && !/^={1,2}$/.test(clean.slice(padding))) return padding;
  return clean.length % 4 === 0 ? undefined : clean.length - (clean.length % 4);
}
