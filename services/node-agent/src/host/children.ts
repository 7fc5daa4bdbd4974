import { constants } from 'node:os';
import type { Exit } from './commands.js';
import { posixSpawn, waitStatus, type PosixSpawn } from './posix-spawn.js';
import { sealedProgram } from './sealed-programs.js';

export interface ChildOptions extends Omit<PosixSpawn, 'file' | 'argv'> {
  /** Runs a sealed copy of the program, see `sealedProgram`. */
  sealed?: boolean | undefined;
  /** Whether the agent stays for its end; true when absent. */
  awaited?: boolean;
}

/** A process that the agent started. */
export interface Child {
  pid: number;
  ended: Promise<Exit>;
  /** Nothing happens once it has ended: its pid may be another's. */
  kill(signal?: NodeJS.Signals | number): void;
}

interface Running {
  awaited: boolean;
  end(exit: Exit): void;
}

const running = new Map<number, Running>();
const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]));
const keepAliveMs = 1000;
let keptAlive: NodeJS.Timeout | undefined;

export function startChild(argv: readonly [string, ...string[]], { sealed, awaited = true, ...how }: ChildOptions): Child {
  if (running.size === 0 && process.listeners('SIGCHLD').indexOf(reap) < 0) process.on('SIGCHLD', reap);
  const pid = posixSpawn({ ...how, file: sealed ? sealedProgram(argv[0]) : argv[0], argv });
  const ended = new Promise<Exit>((end) => running.set(pid, { awaited, end }));
  stayForTheAwaited();
  return {
    pid,
    ended,
    kill(signal = 'SIGTERM') {
      if (running.has(pid)) process.kill(pid, signal);
    },
  };
}

/** One signal may stand for several ends. Only children of ours are asked for: Node waits for its own. */
function reap(): void {
  for (const [pid, { end }] of running) {
    const status = waitStatus(pid);
    if (!status) continue;
    running.delete(pid);
    end('code' in status ? { code: status.code, signal: null } : { code: null, signal: signalNames.get(status.signal) ?? 'SIGKILL' });
  }
  stayForTheAwaited();
}

/** Node ends when nothing is left to wait for, and does not know of these children. */
function stayForTheAwaited(): void {
  const awaited = [...running.values()].some((child) => child.awaited);
  if (awaited) keptAlive ??= setInterval(reap, keepAliveMs);
  else {
    clearInterval(keptAlive);
    keptAlive = undefined;
  }
}
