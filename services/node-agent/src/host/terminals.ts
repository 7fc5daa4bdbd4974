import type { Exit, Argv } from './commands.js';
import { LineEnds } from './line-ends.js';

export interface TerminalOptions {
  columns: number;
  rows: number;
  env?: Record<string, string>;
  cwd?: string;
  /** The command passes on what another terminal has prepared for display already, as lxc-attach does: this one's carriage returns are taken back. */
  passesThrough?: boolean;
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
/** A carriage return at the end of what was read may be the first half of a line end, whose other half is on its way. */
const holdBackMs = 10;

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
  const lineEnds = options.passesThrough ? new LineEnds() : undefined;
  let heldBack: NodeJS.Timeout | undefined;
  const take = (chunk: Buffer): void => {
    if (chunk.length === 0) return;
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes > pauseAboveBytes) child.pause();
    wake();
  };
  child.onData((data) => {
    const chunk = data as unknown as Buffer;
    clearTimeout(heldBack);
    take(lineEnds?.undo(chunk) ?? chunk);
    if (lineEnds?.holdsBack) heldBack = setTimeout(() => take(lineEnds.rest()), holdBackMs);
  });
  const ended = new Promise<Exit>((resolve) =>
    child.onExit(({ exitCode, signal }) => {
      if (lineEnds) take(lineEnds.rest());
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
