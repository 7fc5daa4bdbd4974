import { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { LxdError } from '@asterism/errors';
import { startChild, type Child } from './children.js';
import { closeDescriptors, openPipe } from './posix-spawn.js';

/** Ten megabytes: what a command may print before it is ended. */
const MAX_OUTPUT_BYTES = 10 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
/** What a command may find waiting on its standard input: a reader that takes little at a time does not wake the agent for each bit. */
const inputBytes = 1024 * 1024;

export type Argv = readonly [command: string, ...args: string[]];

export interface ExecOptions {
  /** What the command reads on its standard input; nothing when absent. */
  input?: string | Uint8Array;
  /** 30 seconds when absent; the command is killed when it passes. */
  timeoutMs?: number;
  /** Added to the agent's own environment, or taken from it. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  signal?: AbortSignal;
  /** Runs a sealed copy of the program, see `sealedProgram`. */
  sealed?: boolean;
  /** Exit codes that are answers, not failures; only 0 when absent. */
  okCodes?: readonly number[];
}

export interface ExecResult {
  stdout: string;
  stderr: string;
  code: number;
}

export type Exec = (argv: Argv, options?: ExecOptions) => Promise<ExecResult>;

export interface SpawnOptions {
  env?: Record<string, string>;
  cwd?: string;
  signal?: AbortSignal;
  /** Runs a sealed copy of the program, see `sealedProgram`. */
  sealed?: boolean;
  /** Ends the command when it passes; no deadline when absent. */
  timeoutMs?: number;
}

/** Exactly one of both is set, as wait(2) has it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running command with its streams; destroying a stream closes that pipe of the command. */
export interface Spawned {
  pid: number;
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  kill(signal?: NodeJS.Signals | number): void;
  /** Settles when the command has ended, whoever may still hold its streams; never rejects. */
  ended: Promise<Exit>;
  /** Settles when the command has ended and its output was taken; never rejects. */
  exited: Promise<Exit>;
  /** As `exited`, but throws with the words of stderr (the last 4 KiB) unless the command ended with 0. */
  succeeded(): Promise<void>;
}

export type Spawn = (argv: Argv, options?: SpawnOptions) => Spawned;

/** A command that finds nothing on its standard input, and whose output goes nowhere. */
export type SpawnMute = (argv: Argv, options?: Pick<SpawnOptions, 'cwd' | 'sealed'>) => Child;

/** What the caller is told of a failed command: its own words, or how it ended. */
export function commandError(argv: Argv, exit: Exit, stderr: string, options?: { timedOutAfterMs?: number }): LxdError {
  const name = argv.join(' ');
  if (options?.timedOutAfterMs !== undefined) {
    return new LxdError('internal', `Command timed out after ${options.timedOutAfterMs} ms: ${name}`);
  }
  const words = stderr.trim();
  const how = exit.signal ? `signal: ${exit.signal}` : `exit status ${exit.code}`;
  return new LxdError('internal', `Failed to run: ${name}: ${how}${words ? ` (${words})` : ''}`);
}

export const exec: Exec = async (argv, options = {}) => {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const child = startPiped(argv, options, options.input !== undefined);
  const stdout = collect(child.stdout, () => child.kill('SIGKILL'));
  const stderr = collect(child.stderr, () => child.kill('SIGKILL'));
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  child.stdin?.end(options.input ?? '');
  const { code, signal } = await child.exited;
  clearTimeout(deadline);
  const result = { stdout: stdout(), stderr: stderr(), code: code ?? -1 };
  if (!timedOut && code !== null && (options.okCodes ?? [0]).includes(code)) return result;
  throw commandError(argv, { code, signal }, result.stderr || result.stdout, { timedOutAfterMs: timedOut ? timeoutMs : undefined });
};

export const spawn: Spawn = (argv, options = {}) => {
  let child: PipedChild;
  try {
    child = startPiped(argv, options, true);
  } catch (error) {
    return neverStarted(error as LxdError);
  }
  let lastWords = '';
  child.stderr.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-4096);
  });
  if (options.timeoutMs !== undefined) {
    const deadline = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
    void child.ended.then(() => clearTimeout(deadline));
  }
  return {
    ...child,
    stdin: child.stdin!,
    async succeeded() {
      const exit = await child.exited;
      if (options.signal?.aborted) throw startError(argv, options.signal.reason as Error);
      if (exit.code !== 0) throw commandError(argv, exit, lastWords);
    },
  };
};

export const spawnMute: SpawnMute = (argv, { cwd, sealed } = {}) => {
  try {
    return startChild(argv, { descriptors: ['/dev/null', '/dev/null', '/dev/null'], env: process.env, cwd, sealed });
  } catch (error) {
    throw startError(argv, error as Error);
  }
};

interface PipedChild extends Child {
  stdin: Socket | undefined;
  stdout: Socket;
  stderr: Socket;
  /** As `ended`, with all output taken. */
  exited: Promise<Exit>;
}

function startPiped(argv: Argv, { cwd, env, sealed, signal }: Pick<ExecOptions, 'cwd' | 'env' | 'sealed' | 'signal'>, hasInput: boolean): PipedChild {
  const [input, output, errors] = [hasInput ? openPipe(inputBytes) : undefined, openPipe(), openPipe()];
  let child: Child;
  try {
    signal?.throwIfAborted();
    child = startChild(argv, { descriptors: [input?.read ?? '/dev/null', output.write, errors.write], cwd, env: env ? { ...process.env, ...env } : process.env, sealed });
  } catch (error) {
    closeDescriptors(input?.write, output.read, errors.read);
    throw startError(argv, error as Error);
  } finally {
    closeDescriptors(input?.read, output.write, errors.write);
  }
  const stdin = input && new Socket({ fd: input.write, readable: false, writable: true });
  const [stdout, stderr] = [reading(output.read), reading(errors.read)];
  stdin?.on('error', () => undefined); // the exit code tells of a command that did not read its input
  const kill = (): void => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  const exited = Promise.all([child.ended, closed(stdout), closed(stderr)]).then(([exit]) => exit);
  void child.ended.then(() => {
    signal?.removeEventListener('abort', kill);
    stdin?.destroy();
    for (const stream of [stdout, stderr]) if (stream.readable) stream.resume(); // what nobody reads must not hold up its close
  });
  return { ...child, stdin, stdout, stderr, exited };
}

function reading(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: false });
}

/** Also of a stream that its reader gave up. */
async function closed(stream: Socket): Promise<void> {
  stream.on('error', () => undefined);
  if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', () => resolve()));
}

function neverStarted(error: LxdError): Spawned {
  const exit = Promise.resolve<Exit>({ code: 127, signal: null });
  const [stdout, stderr] = [Readable.from([]), Readable.from([])];
  return { pid: -1, stdin: new Writable({ write: (_chunk, _encoding, done) => done() }), stdout, stderr, kill: () => undefined, ended: exit, exited: exit, succeeded: () => Promise.reject(error) };
}

/** The one error of a command that did not even start. */
export function startError(argv: Argv, error: Error): LxdError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return new LxdError('internal', missing ? `exec: "${argv[0]}": executable file not found in $PATH` : `Failed to run: ${argv.join(' ')}: ${error.message}`, {
    cause: error,
  });
}

function collect(stream: Readable, overflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_OUTPUT_BYTES) overflow();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString();
}
