import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { LxdError } from '@asterism/errors';
import { hostCgroups } from './cgroups.js';
import { startChild } from './children.js';
import type { Argv } from './commands.js';

/** A process as it can be found again after a restart of the agent: a pid that was given to another has another start time. */
export interface ProcessHandle {
  pid: number;
  /** Clock ticks since boot, field 22 of /proc/<pid>/stat. */
  startTime: number;
}

export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** A descriptor that becomes its standard input; /dev/null when absent. */
  stdin?: number;
  /** File that stdout and stderr are appended to; /dev/null when absent. */
  logFile?: string;
  /** Created when missing, joined before the command runs, so that neither the agent's own group nor its end reaches the process. */
  cgroup?: string;
  /** Told once the process has ended, while this agent lives; null when a signal ended it. */
  exited?: (code: number | null) => void;
}

/** Processes that outlive the agent: own session, own cgroup, no pipe to the agent. */
export interface Processes {
  start(argv: Argv, options?: StartOptions): Promise<ProcessHandle>;
  /** Undefined when there is no such process. */
  handle(pid: number): ProcessHandle | undefined;
  /** Pids of the processes it started that are still there. */
  children(pid: number): number[];
  /** Whether a process blocks a signal, by its number. */
  blocks(pid: number, signal: number): boolean;
  isAlive(handle: ProcessHandle): boolean;
  /** Nothing happens when the process is gone already. */
  signal(handle: ProcessHandle, signal: NodeJS.Signals | number): void;
  /** SIGTERM, then SIGKILL when the process is still there after `graceMs` (5 seconds). */
  stop(handle: ProcessHandle, options?: { graceMs?: number }): Promise<void>;
}

/** Joins the cgroups given before "--" and becomes the command after it. */
const JOIN_AND_EXEC = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 126; shift; done; shift; exec "$@"';

export const hostProcesses: Processes = {
  async start(argv, options = {}) {
    const log = options.logFile === undefined ? undefined : await open(options.logFile, 'a', 0o640);
    try {
      const command = options.cgroup === undefined ? argv : await joining(options.cgroup, argv);
      const output = log?.fd ?? '/dev/null';
      const env = options.env ? { ...process.env, ...options.env } : process.env;
      const child = startChild(command, { descriptors: [options.stdin ?? '/dev/null', output, output], cwd: options.cwd ?? '/', env, session: true, awaited: false });
      void child.ended.then(({ code }) => options.exited?.(code));
      const handle = hostProcesses.handle(child.pid);
      if (!handle) throw new LxdError('internal', `${argv[0]} ended as soon as it was started`);
      return handle;
    } catch (error) {
      throw error instanceof LxdError ? error : new LxdError('internal', `Failed to start ${argv[0]}: ${(error as Error).message}`, { cause: error });
    } finally {
      await log?.close();
    }
  },
  handle(pid) {
    const startTime = startTimeOf(pid);
    return startTime === undefined ? undefined : { pid, startTime };
  },
  children(pid) {
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  },
  blocks(pid, signal) {
    try {
      const mask = /^SigBlk:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
      return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
    } catch {
      return false;
    }
  },
  isAlive: (handle) => startTimeOf(handle.pid) === handle.startTime,
  signal(handle, signal) {
    if (hostProcesses.isAlive(handle)) process.kill(handle.pid, signal);
  },
  async stop(handle, options = {}) {
    hostProcesses.signal(handle, 'SIGTERM');
    if (await ended(handle, options.graceMs ?? 5000)) return;
    hostProcesses.signal(handle, 'SIGKILL');
    if (!(await ended(handle, 5000))) throw new LxdError('internal', `Process ${handle.pid} does not end`);
  },
};

async function joining(group: string, argv: Argv): Promise<Argv> {
  await hostCgroups.create(group);
  const { trees } = await hostCgroups.layout();
  const directories = [...new Set(Object.values(trees))].filter((tree) => tree !== trees['cpuset']).map((tree) => tree + group);
  return ['/bin/sh', '-c', JOIN_AND_EXEC, 'sh', ...directories, '--', ...argv];
}

async function ended(handle: ProcessHandle, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 2; hostProcesses.isAlive(handle); pauseMs = Math.min(pauseMs * 2, 50)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return true;
}

/** Undefined for a process that is gone or only waits to be reaped. */
function startTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}
