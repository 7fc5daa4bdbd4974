import { readFileSync, readdirSync } from 'node:fs';
import type { TestServer } from '../../servers/server.js';
import { timed } from '../bench.js';
import type { Bench } from '../bench.js';

/** Proportional set size of every process of the server's host, in MiB. */
function memory(server: TestServer): number {
  return server.host.processes().reduce((sum, pid) => sum + proportionalSetSize(pid), 0) / 1024;
}

function proportionalSetSize(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Seconds of processor time used so far by every thread of the server's host. */
function processorSeconds(server: TestServer): number {
  return server.host.processes().reduce((sum, pid) => sum + threadsOf(pid).reduce((nanoseconds, thread) => nanoseconds + runTime(pid, thread), 0), 0) / 1e9;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Nanoseconds on a processor. */
function runTime(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    return 0;
  }
}

/** Everything that is done once a minute is done once in it. */
const idleSeconds = 60;
/** Both servers give memory back a while after they needed it. */
const restSeconds = 35;

export const fresh: Bench[] = [{ name: 'memory of all processes, fresh', group: 'memory', unit: 'MiB', repetitions: 1, warmUps: 0, limit: 300, sample: async (server) => await Promise.resolve(memory(server)) }];

export const afterwards: Bench[] = [
  {
    name: 'memory of all processes, at rest after the load above',
    group: 'memory',
    unit: 'MiB',
    repetitions: 1,
    warmUps: 0,
    aim: { atMost: 1 },
    limit: 300,
    sample: async (server) => {
      await new Promise((resolve) => setTimeout(resolve, restSeconds * 1000));
      return memory(server);
    },
  },
  {
    name: 'idle processor time, share of one core',
    group: 'idle',
    warmUps: 0,
    unit: '%',
    repetitions: 1,
    limit: 1,
    sample: async (server) => {
      const before = processorSeconds(server);
      await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
      return ((processorSeconds(server) - before) / idleSeconds) * 100;
    },
  },
  {
    name: 'restart to first answer',
    group: 'restart',
    unit: 'ms',
    repetitions: 5,
    aim: { atMost: 4 },
    sample: async (server) => {
      await server.end('SIGTERM');
      return await timed(async () => {
        await server.launch();
        await server.client.get('/1.0');
      });
    },
  },
];
