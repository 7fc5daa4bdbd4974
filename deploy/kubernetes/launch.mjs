// helm test: launches a container through the API, as a client with a certificate of its own, and takes everything away again.
// node launch.mjs URL; runs in the agent's image, which has the busybox that the container is of.
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { selfSignedCertificate } from '../../libs/certificates/dist/index.js';
import { certificates } from '../../libs/proto/dist/index.js';
import { systemCall } from '../../libs/rpc/dist/index.js';
import { Channel, remote } from '../../libs/rpc/dist/wire-binding.js';
import { busyboxImage } from '../../services/images/dist/busybox/busybox-image.js';
import { readTls } from './health.mjs';

/** What is made, in this order, and how each is taken away; `send` is a request to the API that waits for its operation. */
export async function launch(send, { name, image }) {
  const made = [];
  try {
    const { fingerprint } = (await send('POST', '/1.0/images', image, 'application/octet-stream')).metadata;
    made.push(`/1.0/images/${fingerprint}`);
    await makePool(send, name);
    made.push(`/1.0/storage-pools/${name}`);
    const root = { type: 'disk', path: '/', pool: name };
    await send('POST', '/1.0/instances', { name, profiles: [], devices: { root }, source: { type: 'image', fingerprint } });
    made.push(`/1.0/instances/${name}`);
    await send('PUT', `/1.0/instances/${name}/state`, { action: 'start', timeout: 60 });
    const ran = await send('POST', `/1.0/instances/${name}/exec`, { command: ['true'], 'wait-for-websocket': false, interactive: false });
    if (ran.metadata?.return !== 0) throw new Error(`the command in the container ended with ${ran.metadata?.return}`);
    await send('PUT', `/1.0/instances/${name}/state`, { action: 'stop', force: true, timeout: 60 });
  } finally {
    for (const path of made.reverse()) await send('DELETE', path).catch((error) => console.error(`${path} stays: ${error.message}`));
  }
}

/** In a cluster a pool is made member by member, then as a whole. */
async function makePool(send, name) {
  const pool = { name, driver: 'dir' };
  const cluster = await send('GET', '/1.0/cluster');
  const members = cluster.enabled ? await send('GET', '/1.0/cluster/members') : [];
  for (const url of members) await send('POST', `/1.0/storage-pools?target=${url.slice(url.lastIndexOf('/') + 1)}`, pool);
  await send('POST', '/1.0/storage-pools', pool);
}

/** The API as a client sees it: what an answer holds, or what the operation behind it ended with. */
function api(url, { certificate: cert, key }) {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, cert, key });
  const once = (method, path, body, type) =>
    new Promise((resolve, reject) => {
      const asked = request(new URL(path, url), { method, agent, timeout: 120_000, headers: { 'Content-Type': type } }, (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk)).on('error', reject).on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
      });
      asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer`))).on('error', reject);
      asked.end(body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    });
  const send = async (method, path, body, type = 'application/json') => {
    const answer = await once(method, path, body, type);
    if (answer.type === 'error') throw new Error(`${method} ${path}: ${answer.error}`);
    if (answer.type !== 'async') return answer.metadata;
    const { metadata: operation } = await once('GET', `${answer.operation}/wait`, undefined, type);
    if (operation.status_code !== 200) throw new Error(`${method} ${path}: ${operation.err}`);
    return operation;
  };
  return { send, close: () => agent.destroy() };
}

async function main(url, env) {
  const name = `helm-test-${randomBytes(4).toString('hex')}`;
  const own = await selfSignedCertificate({ commonName: name });
  const der = new X509Certificate(own.certificate).raw;
  const channel = new Channel({ address: env.ASTERISM_SERVICE_PROJECTS, tls: readTls(env.ASTERISM_TLS_DIR), serverName: 'asterism' });
  const trust = remote(certificates.CertificatesDefinition, channel);
  const client = api(url, own);
  const added = { name, type: 'client', certificate: der.toString('base64'), connection_certificate: Buffer.alloc(0), restricted: false, projects: [], password: '', trusted: true, token: false, server_fingerprint: '', remote_address: '' };
  try {
    await trust.add(systemCall({ timeoutMs: 30_000 }), added);
    await launch(client.send, { name, image: await busyboxImage(readFileSync('/bin/busybox'), { description: name, architecture: process.arch === 'arm64' ? 'aarch64' : 'x86_64' }) });
    console.log('a container was launched, ran a command, and is gone');
  } finally {
    client.close();
    await trust.delete(systemCall({ timeoutMs: 30_000 }), { fingerprint: createHash('sha256').update(der).digest('hex') });
    channel.close();
  }
}

if (import.meta.main) await main(process.argv[2], process.env);
