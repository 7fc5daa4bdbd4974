// The API over the unix socket of a state directory, for set-up and tear-down.
import { request } from 'node:http';
import { join } from 'node:path';

/** Answers the metadata; waits for operations; throws with the server's words. */
export async function api(stateDir, method, path, body, headers = {}) {
  const answer = await send(stateDir, method, path, body, headers);
  if (answer.type === 'error') throw new Error(answer.error);
  if (answer.type !== 'async') return answer.metadata;
  const ended = await send(stateDir, 'GET', `/1.0/operations/${answer.metadata.id}/wait`);
  if (ended.type === 'error') throw new Error(ended.error);
  if (ended.metadata.err) throw new Error(ended.metadata.err);
  return ended.metadata.metadata;
}

/** Whether a server answers there that is ready to work. */
export async function isReady(stateDir) {
  return send(stateDir, 'GET', '/internal/ready').then((answer) => answer.type !== 'error', () => false);
}

function send(stateDir, method, path, body, headers = {}) {
  const raw = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: join(stateDir, 'unix.socket'), method, path, headers: { host: 'asterism', ...(raw ? { 'content-length': raw.length } : {}), ...headers } }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString()));
        } catch (error) {
          reject(error);
        }
      });
    });
    call.on('error', reject);
    call.end(raw);
  });
}
