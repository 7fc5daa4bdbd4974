/// <reference lib="dom" />
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** PEM texts. */
export interface Credentials {
  certificate: string;
  /** PKCS #8. */
  key: string;
}

export type Authority = Credentials;

interface Subject {
  commonName: string;
  organization?: string;
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  years?: number;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const;
const usages: webcrypto.KeyUsage[] = ['sign', 'verify'];
x509.cryptoProvider.set(webcrypto as Crypto);

/** A private authority for the mutual TLS between the parts of one installation. */
export async function createAuthority(commonName: string, years = 10): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, usages);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: distinguishedName({ commonName }),
    ...validity(years),
    keys: keys as CryptoKeyPair,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** A certificate of one party, good for both ends of a connection. */
export async function issueCertificate(authority: Authority, subject: Subject): Promise<Credentials> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, usages);
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: distinguishedName(subject),
    issuer: issuer.subject,
    ...validity(subject.years ?? 1),
    publicKey: keys.publicKey as CryptoKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: algorithm,
    extensions: leafExtensions(subject),
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** A certificate that vouches for itself, trusted by its fingerprint: what servers and clients of the LXD API show each other. */
export async function selfSignedCertificate(subject: Subject): Promise<Credentials> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, usages);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: distinguishedName(subject),
    ...validity(subject.years ?? 10),
    keys: keys as CryptoKeyPair,
    signingAlgorithm: algorithm,
    extensions: leafExtensions(subject),
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** Writes ca.crt, tls.crt and tls.key as every process of the constellation reads them; the key is readable by root alone. */
export async function writeTlsDirectory(directory: string, authority: Pick<Authority, 'certificate'>, own: Credentials): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = { 'ca.crt': authority.certificate, 'tls.crt': own.certificate, 'tls.key': own.key };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, `${name}.new`), text, { mode: 0o600 });
    await rename(join(directory, `${name}.new`), join(directory, name));
  }
}

function leafExtensions(subject: Subject): x509.Extension[] {
  const names: x509.JsonGeneralNames = [
    ...(subject.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(subject.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
  ];
}

function distinguishedName({ commonName, organization }: Pick<Subject, 'commonName' | 'organization'>): x509.JsonName {
  return [...(organization ? [{ O: [organization] }] : []), { CN: [commonName] }];
}

function validity(years: number): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Date.now() - 60_000);
  const notAfter = new Date(notBefore);
  notAfter.setFullYear(notAfter.getFullYear() + years);
  return { notBefore, notAfter };
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = bytes[0]! & 0x7f;
  return bytes.toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
}

async function importKey(pem: string): Promise<CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return (await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])) as CryptoKey;
}
