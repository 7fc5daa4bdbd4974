import { setTimeout as sleep } from 'node:timers/promises';
import type { TestServer } from '../servers/server.js';

/** What is killed, and brought back where nobody else does that. */
export interface Victim {
  name: string;
  kill(server: TestServer): Promise<void>;
}

/** However slow the machine is. */
const backWithinMs = 120_000;

const postgres: Victim = { name: 'PostgreSQL', kill: (server) => killed(server, 'postgres -D .*/database/data') };

const standalone: Victim[] = [
  {
    name: 'the server',
    async kill(server) {
      await server.end('SIGKILL');
      await server.launch();
    },
  },
  postgres,
  { name: 'everything', kill: everything },
];

const services = ['instances', 'node-agent', 'storage', 'operations', 'gateway', 'networks', 'images', 'projects', 'cluster', 'warnings'];

const processes: Victim[] = [
  ...services.map((name): Victim => ({ name: `the service ${name}`, kill: (server) => killed(server, `services/${name}/dist/main.js`) })),
  postgres,
  { name: 'NATS', kill: (server) => killed(server, 'nats-server --config') },
  { name: 'Redis', kill: (server) => killed(server, 'redis-server ') },
  { name: 'everything', kill: everything },
];

const wanted = process.env['ASTERISM_CHAOS_VICTIMS']?.split(',');

/** All of the composition that is tested; in short those that tell most. `ASTERISM_CHAOS_VICTIMS` names others: "storage,NATS". */
export function victims(full: boolean): Victim[] {
  const all = process.env['ASTERISM_COMPOSITION'] === 'processes' ? processes : standalone;
  if (wanted) return all.filter(({ name }) => wanted.includes(name.replace(/^the (service )?/, '')));
  return full ? all : all.filter(({ name }) => ['PostgreSQL', 'everything'].includes(name));
}

async function everything(server: TestServer): Promise<void> {
  await server.crash();
  await server.launch();
}

/** Kills one process on the server's host, and returns when another one is there in its place. */
async function killed(server: TestServer, pattern: string): Promise<void> {
  const before = await pidOf(server, pattern);
  if (before === '') throw new Error(`no process ${pattern}`);
  await server.shell(`kill -9 ${before}`);
  for (const deadline = Date.now() + backWithinMs; ; await sleep(100)) {
    const now = await pidOf(server, pattern);
    if (now !== '' && now !== before) break;
    if (Date.now() > deadline) throw new Error(`nobody started ${pattern} again`);
  }
  await server.ready(backWithinMs);
}

async function pidOf(server: TestServer, pattern: string): Promise<string> {
  return (await server.shell(`pgrep -o -f '${pattern}'`)).stdout.trim();
}
