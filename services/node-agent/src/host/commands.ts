import { spawn as spawnChild } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { LxdError } from '@asterism/errors';

/** Ten megabytes: what a command may print before it is ended. */
const MAX_OUTPUT_BYTES = 10 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;

export type Argv = readonly [command: string, ...args: string[]];

export interface ExecOptions {
  /** What the command reads on its standard input; nothing when absent. */
  input?: string | Uint8Array;
  /** 30 seconds when absent; the command is killed when it passes. */
  timeoutMs?: number;
  /** Added to the agent's own environment. */
  env?: Record<string, string>;
  cwd?: string;
  signal?: AbortSignal;
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

export const exec: Exec = (argv, options = {}) =>
  new Promise((resolve, reject) => {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const child = spawnChild(argv[0], argv.slice(1), {
      cwd: options.cwd,
      env: options.env ? { ...process.env, ...options.env } : process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      signal: options.signal,
    });
    const stdout = collect(child.stdout!, () => child.kill('SIGKILL'));
    const stderr = collect(child.stderr!, () => child.kill('SIGKILL'));
    let timedOut = false;
    const deadline = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(deadline);
      reject(startError(argv, error));
    });
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      const result = { stdout: stdout(), stderr: stderr(), code: code ?? -1 };
      if (!timedOut && code !== null && (options.okCodes ?? [0]).includes(code)) resolve(result);
      else reject(commandError(argv, { code, signal }, result.stderr || result.stdout, { timedOutAfterMs: timedOut ? timeoutMs : undefined }));
    });
    if (child.stdin) {
      child.stdin.on('error', () => undefined); // the exit code tells of a command that did not read its input
      child.stdin.end(options.input);
    }
  });

export const spawn: Spawn = (argv, options = {}) => {
  const child = spawnChild(argv[0], argv.slice(1), {
    cwd: options.cwd,
    env: options.env ? { ...process.env, ...options.env } : process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: options.signal,
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
  });
  let lastWords = '';
  let failure: LxdError | undefined;
  child.stderr.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-4096);
  });
  child.stdin.on('error', () => undefined);
  const exited = new Promise<Exit>((resolve) => {
    child.on('error', (error) => {
      failure = startError(argv, error);
      resolve({ code: 127, signal: null });
    });
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const ended = new Promise<Exit>((resolve) => {
    child.on('error', () => resolve({ code: 127, signal: null }));
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    pid: child.pid ?? -1,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    kill: (signal) => void child.kill(signal),
    ended,
    exited,
    async succeeded() {
      const exit = await exited;
      if (failure) throw failure;
      if (exit.code !== 0) throw commandError(argv, exit, lastWords);
    },
  };
};

function startError(argv: Argv, error: Error): LxdError {
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
