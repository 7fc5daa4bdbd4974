import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage } from '@asterism/images/busybox';
import { setDefaults, writeMaterial } from '../differential/defaults.js';
import type { TestServer } from '../servers/server.js';
import { disagreements } from './agreement.js';
import type { Kitchen } from './recipes/recipe.js';

let images = 0;

/** A server with everything that recipes need: two pools, an image, archives, and another server of images on its host. */
export async function openKitchen(server: TestServer): Promise<Kitchen> {
  const { client } = server;
  await writeMaterial(server);
  await setDefaults(server);
  await client.change('POST', '/1.0/storage-pools', { name: 'loop', driver: 'btrfs', config: { size: '600MiB' } });
  return {
    server,
    client,
    disagreements: () => disagreements(server),
    archives: await exportArchives(server),
    newImage: () => busyboxImage(readFileSync('/bin/busybox'), { description: `Image ${++images} of ${process.pid}` }),
    remote: await openRemote(server),
  };
}

async function exportArchives({ client }: TestServer): Promise<Kitchen['archives']> {
  const volumes = '/1.0/storage-pools/default/volumes/custom';
  await client.change('POST', '/1.0/instances', { name: 'exported', source: { type: 'image', alias: 'busybox' } });
  await client.change('POST', volumes, { name: 'exported' });
  const archive = async (path: string): Promise<Buffer> => {
    await client.change('POST', `${path}/backups`, { name: 'b0' });
    const { body } = await client.send({ path: `${path}/backups/b0/export` });
    await client.change('DELETE', path);
    return body;
  };
  return { instance: await archive('/1.0/instances/exported'), volume: await archive(`${volumes}/exported`) };
}

/** Answers what a puller asks: the server, an alias, an image, its file. */
const serve = `
const { readFileSync } = require('node:fs');
process.chdir(process.argv[1]);
const sync = (metadata) => JSON.stringify({ type: 'sync', status: 'Success', status_code: 200, metadata });
require('node:https').createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') }, ({ url }, answer) => {
  const [, alias] = /^\\/1.0\\/images\\/aliases\\/(\\S+)$/.exec(url) ?? [];
  const [, fingerprint, file] = /^\\/1.0\\/images\\/([0-9a-f]{64})(\\/export)?/.exec(url) ?? [];
  const times = { created_at: '2024-01-01T00:00:00Z', expires_at: '1970-01-01T00:00:00Z', uploaded_at: '2024-01-01T00:00:00Z' };
  if (file) return answer.setHeader('content-type', 'application/octet-stream').end(readFileSync(fingerprint));
  answer.setHeader('content-type', 'application/json');
  if (alias) answer.end(sync({ name: alias, target: readFileSync('alias-' + alias, 'utf8') }));
  else if (fingerprint) answer.end(sync({ fingerprint, filename: 'image.tar.gz', architecture: 'x86_64', properties: {}, ...times }));
  else answer.end(sync({ auth: 'untrusted', public: true, api_extensions: [] }));
}).listen(18443, '127.0.0.1');`;

/** Ends once the port is open. */
const listening = `(function again() {
  require('node:net').connect(18443, '127.0.0.1', () => process.exit(0)).on('error', () => setTimeout(again, 50));
})()`;

async function openRemote(server: TestServer): Promise<Kitchen['remote']> {
  const directory = join(server.work, 'remote');
  mkdirSync(directory);
  const made = await server.shell(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=remote -addext subjectAltName=IP:127.0.0.1 -keyout ${directory}/key.pem -out ${directory}/cert.pem`);
  if (made.code !== 0) throw new Error(made.stderr);
  // It ends with the host.
  const [file, ...args] = server.host.inside([process.execPath, '-e', serve, directory]);
  spawn(file ?? '', args, { stdio: 'ignore', detached: true }).unref();
  await server.host.run([process.execPath, '-e', listening], { timeoutMs: 60_000 });
  return {
    url: 'https://127.0.0.1:18443',
    certificate: readFileSync(join(directory, 'cert.pem'), 'utf8'),
    async offer(alias, image) {
      const fingerprint = createHash('sha256').update(image).digest('hex');
      writeFileSync(join(directory, fingerprint), image);
      writeFileSync(join(directory, `alias-${alias}`), fingerprint);
      return fingerprint;
    },
  };
}
