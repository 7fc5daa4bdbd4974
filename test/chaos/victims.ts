import { setTimeout as sleep } from 'node:timers/promises';
import type { TestServer } from '../servers/server.js';

/** What is killed, and brought back where nobody else does that. */
export interface Victim {
  name: string;
  kill(server: TestServer): Promise<void>;
}

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

/** All of the composition that is tested; in short those that tell most. */
export function victims(full: boolean): Victim[] {
  const all = process.env['ASTERISM_COMPOSITION'] === 'processes' ? processes : standalone;
  return full ? all : all.filter(({ name }) => ['PostgreSQL', 'everything'].includes(name));
}

async function everything(server: TestServer): Promise<void> {
  await server.crash();
  await server.launch();
}

/** Kills one process on the server's host, which another one starts again. */
async function killed(server: TestServer, pattern: string): Promise<void> {
  const { stdout } = await server.shell(`pgrep -o -f '${pattern}'`);
  const pid = stdout.trim();
  if (pid === '') throw new Error(`no process ${pattern}`);
  await server.shell(`kill -9 ${pid}`);
  await sleep(300);
  await server.ready();
}
