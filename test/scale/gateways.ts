import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEmpty } from '../bench/instances.js';
import { setDefaults, writeMaterial } from '../differential/defaults.js';
import { inProcesses, repository } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';

/**
 * `node test/dist/scale/gateways.js [REPLICAS ...]`: reads of one instance over HTTPS at one address, served by 1, 2 and 3 gateways in processes of their own. On a machine of few cores
 * what is answered in a second says less than what each process spends on an answer: that tells how far one gateway goes, and what lies behind them.
 */
const replicas = process.argv.slice(2).map(Number);
const address = '127.0.0.1:18443';
const connections = 24;
const durationMs = 10_000;

interface Load {
  answered: number;
  p50: number;
  p99: number;
}

for (const count of replicas.length > 0 ? replicas : [1, 2, 3]) {
  process.env['ASTERISM_GATEWAYS'] = String(count);
  const server = await TestServer.start(inProcesses);
  try {
    console.log(JSON.stringify({ gateways: count, ...(await measure(server)) }));
  } finally {
    await server.remove();
  }
}

async function measure(server: TestServer): Promise<object> {
  await writeMaterial(server);
  await setDefaults(server);
  await createEmpty(server, 'read');
  await server.shell('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout client.key -out client.crt -nodes -subj /CN=client -days 2 2>/dev/null && lxc config trust add client.crt');
  await server.client.change('PATCH', '/1.0', { config: { 'core.https_address': address } });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await load(server, 2_000);
  const before = spent(server);
  const { answered, p50, p99 } = await load(server, durationMs);
  const after = spent(server);
  const each = Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, Number((((seconds - (before[name] ?? 0)) * 1000) / answered).toFixed(3))]));
  return { perSecond: Math.round((answered * 1000) / durationMs), p50: Number(p50.toFixed(2)), p99: Number(p99.toFixed(2)), processorMsPerAnswer: each };
}

/** Processor seconds by program, of what took any. */
function spent(server: TestServer): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const pid of server.host.processes()) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const name = /services\/([a-z-]+)\/dist/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))?.[1] ?? 'stores';
    sums[name] = (sums[name] ?? 0) + (Number(fields[11]) + Number(fields[12])) / 100;
  }
  return sums;
}

function load(server: TestServer, ms: number): Promise<Load> {
  const [file, ...args] = server.host.inside([process.execPath, join(repository, 'test/dist/scale/https-load.js'), address, '/1.0/instances/read', String(connections), String(ms)]);
  const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: server.work });
  const chunks: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => child.once('close', (code) => (code === 0 ? resolve(JSON.parse(Buffer.concat(chunks).toString()) as Load) : reject(new Error(`the load ended with ${code}`)))));
}
