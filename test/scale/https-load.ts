import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:https';

/** `https-load.js ADDRESS PATH CONNECTIONS MILLISECONDS`, in a directory with client.crt and client.key: each connection asks again as soon as it is answered. */
const [address = '', path = '', connections = '', duration = ''] = process.argv.slice(2);
const credentials = { cert: readFileSync('client.crt'), key: readFileSync('client.key') };
const deadline = performance.now() + Number(duration);
const took: number[] = [];

await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false, ...credentials });
    while (performance.now() < deadline) {
      const started = performance.now();
      await answered(agent);
      took.push(performance.now() - started);
    }
    agent.destroy();
  }),
);
took.sort((one, other) => one - other);
const at = (share: number): number => took[Math.floor(share * (took.length - 1))] ?? 0;
console.log(JSON.stringify({ answered: took.length, p50: at(0.5), p99: at(0.99) }));

function answered(agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`https://${address}${path}`, { agent }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`));
      response.resume().once('end', resolve).once('error', reject);
    }).once('error', reject);
  });
}
