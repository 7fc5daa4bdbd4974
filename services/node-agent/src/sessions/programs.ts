import { once } from 'node:events';
import type { Host } from '../host/host.js';
import type { Argv, Spawned } from '../host/commands.js';
import type { Program } from './session.js';

interface Size {
  columns: number;
  rows: number;
}

const hangUpGraceMs = 5_000;
const hangUpDelayMs = 1_000;
const SIGHUP = 1;
const SIGKILL = 9;

/** A command with a terminal; its one stream is fd "0". */
export async function terminalProgram(host: Host, argv: Argv, options: Size & { cwd?: string; env?: Record<string, string> }): Promise<Program> {
  const terminal = await host.terminal(argv, { ...options, sealed: true, passesThrough: true });
  return {
    outputs: { '0': terminal.output },
    write: async (data) => terminal.write(data),
    // A terminal whose line is closed hangs up. The reference does so with the next output it reads: what is short ends by itself before.
    closeInput: () => void setTimeout(() => signalChild(host, terminal.pid, SIGHUP), hangUpDelayMs).unref(),
    control: (message) => {
      if (message.command === 'window-resize') terminal.resize(message.columns, message.rows);
      else signalChild(host, terminal.pid, message.signal);
    },
    abandon: () => {
      signalChild(host, terminal.pid, SIGHUP);
      setTimeout(() => terminal.kill('SIGKILL'), hangUpGraceMs).unref();
    },
    release: () => undefined,
    ended: terminal.ended,
  };
}

/** A command with pipes: input on "0", output on "1" and "2". */
export async function pipedProgram(host: Host, argv: Argv, options: { cwd?: string }): Promise<Program> {
  const child = host.spawn(argv, { ...options, sealed: true });
  return {
    outputs: { '1': child.stdout as AsyncIterable<Uint8Array>, '2': child.stderr as AsyncIterable<Uint8Array> },
    write: async (data) => {
      if (!child.stdin.writable) return;
      if (!child.stdin.write(data)) await Promise.race([once(child.stdin, 'drain').catch(() => undefined), child.ended]);
    },
    closeInput: () => child.stdin.end(),
    control: (message) => {
      if (message.command === 'signal') signalChild(host, child.pid, message.signal);
    },
    abandon: () => end(host, child),
    release: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    ended: child.ended,
  };
}

/** A command that nobody listens to. */
export async function muteProgram(host: Host, argv: Argv, options: { cwd: string }): Promise<Program> {
  const child = host.spawnMute(argv, { ...options, sealed: true });
  return {
    outputs: {},
    write: async () => undefined,
    closeInput: () => undefined,
    control: () => undefined,
    abandon: () => end(host, child),
    release: () => undefined,
    ended: child.ended,
  };
}

/** The command first, then the tool that waits for it. */
function end(host: Host, child: Pick<Spawned, 'pid' | 'kill'>): void {
  signalChild(host, child.pid, SIGKILL);
  setTimeout(() => child.kill('SIGKILL'), hangUpGraceMs).unref();
}

/** The command itself is the child of the lxc-attach that entered the container; one that has no child (a console) is told itself. */
function signalChild(host: Host, pid: number, signal: number): void {
  const children = host.processes.children(pid);
  for (const target of children.length > 0 ? children : [pid]) {
    const handle = host.processes.handle(target);
    if (handle) host.processes.signal(handle, signal);
  }
}
