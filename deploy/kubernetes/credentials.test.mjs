import { createServer } from 'node:http';
import { createSecureContext } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { issueCertificate } from '@asterism/certificates';
import { trusted, turnAuthority } from './authority.mjs';
import { isGood, keepCredentials } from './credentials.mjs';
import { SecretStore } from './secret-store.mjs';

/** Answers for Secrets as Kubernetes does, as far as they are asked for here. */
const secrets = new Map();
let server;
let store;

beforeEach(async () => {
  secrets.clear();
  server = createServer(async (request, response) => {
    const name = request.url.split('/')[6];
    const send = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.headers.authorization !== 'Bearer secret-token') return send(401, { message: 'Unauthorized' });
    if (request.method === 'GET') return secrets.has(name) ? send(200, secrets.get(name)) : send(404, { message: 'not found' });
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    if (request.method === 'POST' && secrets.has(body.metadata.name)) return send(409, { message: 'already exists' });
    secrets.set(body.metadata.name, body);
    return send(200, body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  store = new SecretStore({ url: `http://127.0.0.1:${server.address().port}`, namespace: 'lab', token: 'secret-token\n' });
});

afterEach(() => new Promise((resolve) => server.close(resolve)));

const dnsNames = ['asterism', 'localhost', 'a-cluster'];
const wanted = {
  authority: { secret: 'a-authority', years: 2, parties: [{ name: 'cluster', secret: 'a-cluster-tls', dnsNames }] },
  api: { secret: 'a-api', dnsNames: ['a'] },
  connections: { secret: 'a-connections', postgresqlHost: 'a-postgresql', redisHost: 'a-redis' },
};

test('makes what is missing, once', async () => {
  await keepCredentials(store, wanted);
  const first = JSON.stringify([...secrets]);
  await keepCredentials(store, wanted);
  expect(JSON.stringify([...secrets])).toBe(first);
  expect([...secrets.keys()].sort()).toEqual(['a-api', 'a-authority', 'a-cluster-tls', 'a-connections']);
  const { 'ca.crt': ca, 'tls.crt': cert, 'tls.key': key } = await store.read('a-cluster-tls');
  expect(() => createSecureContext({ ca, cert, key })).not.toThrow();
  expect((await store.read('a-connections'))['redis-url']).toMatch(/^rediss:\/\/:[0-9a-f]{48}@a-redis:6379$/);
});

test('a party whose names changed gets a new certificate of the same authority', async () => {
  await keepCredentials(store, wanted);
  const [authority, before] = [await store.read('a-authority'), await store.read('a-cluster-tls')];
  const renamed = { authority: { ...wanted.authority, parties: [{ name: 'cluster', secret: 'a-cluster-tls', dnsNames: [...dnsNames, 'other'] }] } };
  await keepCredentials(store, renamed);
  const after = await store.read('a-cluster-tls');
  expect(after['tls.crt']).not.toBe(before['tls.crt']);
  expect(after['ca.crt'].trim()).toBe(authority['tls.crt'].trim());
});

test('a certificate stays while more than a third of its life is left', async () => {
  const authority = await turnAuthority(undefined);
  const { certificate, key } = await issueCertificate({ certificate: authority['tls.crt'], key: authority['tls.key'] }, { commonName: 'cluster', dnsNames, years: 3 });
  const secret = { 'ca.crt': trusted(authority), 'tls.crt': certificate, 'tls.key': key };
  const inYears = (years) => Date.now() + years * 365.25 * 24 * 3600_000;
  expect(isGood(secret, authority, dnsNames, inYears(1.9))).toBe(true);
  expect(isGood(secret, authority, dnsNames, inYears(2.1))).toBe(false);
  expect(isGood(secret, await turnAuthority(undefined), dnsNames)).toBe(false);
  expect(isGood(undefined, authority, dnsNames)).toBe(false);
});

test('who got a certificate is told, once', async () => {
  expect(await keepCredentials(store, wanted)).toEqual(['cluster']);
  expect(await keepCredentials(store, wanted)).toEqual([]);
});

test('what Kubernetes refuses is told', async () => {
  const stranger = new SecretStore({ url: `http://127.0.0.1:${server.address().port}`, namespace: 'lab', token: 'wrong' });
  await expect(keepCredentials(stranger, wanted)).rejects.toThrow('GET /api/v1/namespaces/lab/secrets/a-authority: 401');
});
