import { spawn } from 'node:child_process';

export interface CaptureOptions {
  env?: Record<string, string>;
  cwd?: string;
  stdin?: string;
  /** The command is killed after this; 120 s by default. */
  timeoutMs?: number;
}

export interface Captured {
  stdout: string;
  stderr: string;
  /** Exit code; 124 when the time was up. */
  code: number;
}

/** Runs a command to its end and keeps what it prints. */
export async function capture(command: string[], options: CaptureOptions = {}): Promise<Captured> {
  const [file, ...args] = command;
  const child = spawn(file ?? '', args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, options.timeoutMs ?? 120_000);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exit, signal) => resolve(exit ?? (signal ? 137 : 1)));
    });
    return { stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), code: timedOut ? 124 : code };
  } finally {
    clearTimeout(timer);
  }
}
