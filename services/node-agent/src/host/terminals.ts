import type { Exit, Argv } from './commands.js';

export interface TerminalOptions {
  columns: number;
  rows: number;
  env?: Record<string, string>;
  cwd?: string;
}

/** A command whose three standard streams are one pseudoterminal. */
export interface Terminal {
  pid: number;
  write(data: Uint8Array): void;
  /** What the command prints; nothing is read from it while nobody iterates fast enough. */
  output: AsyncIterable<Buffer>;
  resize(columns: number, rows: number): void;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<Exit>;
}

export type OpenTerminal = (argv: Argv, options: TerminalOptions) => Promise<Terminal>;

const pauseAboveBytes = 256 * 1024;

export const openTerminal: OpenTerminal = async (argv, options) => {
  const { spawn } = await import('node-pty');
  const child = spawn(argv[0], argv.slice(1) as string[], {
    cols: options.columns > 0 ? options.columns : 80,
    rows: options.rows > 0 ? options.rows : 24,
    cwd: options.cwd ?? '/',
    env: options.env ?? {},
    encoding: null,
  });
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let over = false;
  let wake = (): void => undefined;
  // With encoding null the data is a Buffer, whatever the declaration says.
  child.onData((data) => {
    const chunk = data as unknown as Buffer;
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes > pauseAboveBytes) child.pause();
    wake();
  });
  const ended = new Promise<Exit>((resolve) =>
    child.onExit(({ exitCode, signal }) => {
      over = true;
      wake();
      resolve(signal ? { code: 128 + signal, signal: null } : { code: exitCode, signal: null });
    }),
  );
  async function* output(): AsyncIterable<Buffer> {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk) {
        waitingBytes -= chunk.length;
        if (waitingBytes <= pauseAboveBytes) child.resume();
        yield chunk;
      } else if (over) {
        return;
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  }
  return {
    pid: child.pid,
    write: (data) => child.write(Buffer.from(data)),
    output: output(),
    resize: (columns, rows) => {
      if (!over && columns > 0 && rows > 0) child.resize(columns, rows);
    },
    kill: (signal) => {
      if (!over) child.kill(signal);
    },
    ended,
  };
};
