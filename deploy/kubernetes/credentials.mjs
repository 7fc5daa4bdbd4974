// Makes what an installation needs before its first pod starts, as Secrets: the authority of the mutual TLS and a certificate of each party,
// the certificate the API shows, passwords and URLs of bundled stores. What is there and good is kept, so it may run as often as one likes.
import { randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { issueCertificate, selfSignedCertificate } from '../../libs/certificates/dist/index.js';
import { isAgeing, trusted, turnAuthority } from './authority.mjs';
import { restart } from './restart.mjs';
import { SecretStore } from './secret-store.mjs';

const hostsOwn = ['127.0.0.1', '::1'];

/** Whether a certificate can stay: of this authority, trusting whom everybody is to trust, for all these names, and more than a third of its life is left. */
export function isGood(secret, authority, dnsNames, now = Date.now()) {
  if (!secret?.['tls.crt'] || !secret['tls.key'] || secret['ca.crt'] !== trusted(authority)) return false;
  const certificate = new X509Certificate(secret['tls.crt']);
  return !isAgeing(secret['tls.crt'], now) && certificate.verify(new X509Certificate(authority['tls.crt']).publicKey) && dnsNames.every((name) => certificate.checkHost(name));
}

/** Answers the names of parties that got something new. */
async function keepAuthority(store, { secret, years, parties }) {
  const kept = await store.read(secret);
  const authority = await turnAuthority(kept);
  if (authority !== kept) await store.write(secret, authority, 'kubernetes.io/tls');
  const renewed = [];
  for (const { name, secret: own, dnsNames } of parties) {
    if (isGood(await store.read(own), authority, dnsNames)) continue;
    const { certificate, key } = await issueCertificate({ certificate: authority['tls.crt'], key: authority['tls.key'] }, { commonName: name, dnsNames, ipAddresses: ['127.0.0.1'], years });
    await store.write(own, { 'ca.crt': trusted(authority), 'tls.crt': certificate, 'tls.key': key }, 'kubernetes.io/tls');
    console.log(`certificate of ${name}: made`);
    renewed.push(name);
  }
  return renewed;
}

/** Clients remember its fingerprint: it is never made anew. */
async function keepApiCertificate(store, { secret, dnsNames }) {
  if (await store.read(secret)) return;
  const { certificate, key } = await selfSignedCertificate({ commonName: dnsNames[0], organization: 'linuxcontainers.org', dnsNames, ipAddresses: hostsOwn });
  await store.write(secret, { 'tls.crt': certificate, 'tls.key': key }, 'kubernetes.io/tls');
  console.log('certificate of the API: made');
}

/** Passwords stay; URLs follow the names of the stores. */
async function keepConnections(store, { secret, postgresqlHost, redisHost }) {
  const kept = await store.read(secret);
  const password = (name) => kept?.[name] ?? randomBytes(24).toString('hex');
  const [postgresql, redis] = [password('postgresql-password'), password('redis-password')];
  await store.write(secret, {
    'postgresql-password': postgresql,
    'postgresql-url': `postgres://asterism:${postgresql}@${postgresqlHost}:5432/asterism?sslmode=verify-full&sslrootcert=/etc/asterism/tls/ca.crt`,
    'redis-password': redis,
    'redis-url': `rediss://:${redis}@${redisHost}:6379`,
  });
}

export async function keepCredentials(store, wanted) {
  const renewed = wanted.authority ? await keepAuthority(store, wanted.authority) : [];
  if (wanted.api) await keepApiCertificate(store, wanted.api);
  if (wanted.connections) await keepConnections(store, wanted.connections);
  return renewed;
}

if (import.meta.main) {
  const account = (name) => readFileSync(`/var/run/secrets/kubernetes.io/serviceaccount/${name}`, 'utf8');
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const access = { url, namespace: account('namespace'), token: account('token') };
  const renewed = await keepCredentials(new SecretStore(access), JSON.parse(process.env.CREDENTIALS_WANTED));
  // Processes read their certificate when they start. Before an install or upgrade nobody needs to be told.
  const workloads = JSON.parse(process.env.CREDENTIALS_RESTART ?? '{}');
  for (const party of renewed) if (workloads[party]) await restart(access, workloads[party]);
}
