// node health.mjs ADDRESS ...: exits with 0 where each says that it serves. host:port is a service by gRPC, https://... the API itself.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { health } from '../../libs/proto/dist/index.js';
import { systemCall } from '../../libs/rpc/dist/index.js';
import { Channel, remote } from '../../libs/rpc/dist/wire-binding.js';

const apiTimeoutMs = 8_000;

/** Throws with the reason where the service there does not serve. */
export async function requireServing(address, tls, timeoutMs = 8_000) {
  const channel = new Channel({ address, tls, serverName: 'asterism' });
  try {
    const { status } = await remote(health.HealthDefinition, channel).check(systemCall({ timeoutMs }), { service: '' });
    if (status !== health.HealthCheckResponse_ServingStatus.SERVING) throw new Error('it is starting or stopping');
  } finally {
    channel.close();
  }
}

/** The API's certificate vouches for itself, so it is not checked: nothing secret is sent. */
function requireAnswer(url) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false, timeout: apiTimeoutMs }, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`it answers ${answer.statusCode}`));
    });
    asked.on('timeout', () => asked.destroy(new Error('it does not answer')));
    asked.on('error', reject);
    asked.end();
  });
}

/** The certificates this process was given. */
export function readTls(directory) {
  const read = (name) => readFileSync(join(directory, name));
  return { ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') };
}

async function main(targets) {
  const tls = readTls(process.env.ASTERISM_TLS_DIR);
  for (const target of targets) {
    const check = target.startsWith('https:') ? requireAnswer(target) : requireServing(target, tls);
    await check.then(
      () => console.log(`${target} serves`),
      (error) => {
        console.error(`${target} does not serve: ${error.message}`);
        process.exitCode = 1;
      },
    );
  }
}

if (import.meta.main) await main(process.argv.slice(2));
