import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { ReadStream } from 'node:tty';
import { startChild, type Child } from './children.js';
import { startError, type Argv, type Exit } from './commands.js';
import { LineEnds } from './line-ends.js';
import { setWindowSize, unlockTerminal } from './syscalls.js';

export interface TerminalOptions {
  columns: number;
  rows: number;
  env?: Record<string, string>;
  cwd?: string;
  /** Runs a sealed copy of the program, see `sealedProgram`. */
  sealed?: boolean;
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

/** How long the last output may take once the command has ended: something it left behind may hold the terminal. */
const lastOutputMs = 200;

export const openTerminal: OpenTerminal = async (argv, options) => {
  const { child, fd, line } = start(argv, options);
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let isLastOutput = false;
  let over = false;
  let wake = (): void => undefined;
  const lineEnds = options.passesThrough ? new LineEnds() : undefined;
  let heldBack: NodeJS.Timeout | undefined;
  const take = (chunk: Buffer): void => {
    if (chunk.length === 0) return;
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes > pauseAboveBytes && !isLastOutput) line.pause();
    wake();
  };
  line.on('data', (chunk: Buffer) => {
    clearTimeout(heldBack);
    take(lineEnds?.undo(chunk) ?? chunk);
    if (lineEnds?.holdsBack) heldBack = setTimeout(() => take(lineEnds.rest()), holdBackMs);
  });
  line.on('error', () => undefined); // EIO: nobody has the other end open any more
  const silent = new Promise<void>((resolve) => line.once('close', () => resolve()));
  const ended = child.ended.then(async ({ code, signal }): Promise<Exit> => {
    isLastOutput = true;
    line.resume();
    const patience = setTimeout(() => line.destroy(), lastOutputMs);
    await silent;
    clearTimeout(patience);
    clearTimeout(heldBack);
    if (lineEnds) take(lineEnds.rest());
    over = true;
    wake();
    return signal === null ? { code, signal } : { code: 128 + constants.signals[signal], signal: null };
  });
  async function* output(): AsyncIterable<Buffer> {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk) {
        waitingBytes -= chunk.length;
        if (waitingBytes <= pauseAboveBytes) line.resume();
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
    write: (data) => {
      if (line.writable) line.write(data);
    },
    output: output(),
    resize: (columns, rows) => {
      if (!line.destroyed && columns > 0 && rows > 0) setWindowSize(fd, columns, rows);
    },
    kill: (signal) => child.kill(signal),
    ended,
  };
};

const O_RDWR_NOCTTY = 0o402;

/** The command in a session of its own, whose terminal is the other end of the line. */
function start(argv: Argv, { columns, rows, cwd, env, sealed }: TerminalOptions): { child: Child; fd: number; line: ReadStream } {
  const fd = openSync('/dev/ptmx', O_RDWR_NOCTTY);
  try {
    const terminal = unlockTerminal(fd);
    setWindowSize(fd, columns > 0 ? columns : 80, rows > 0 ? rows : 24);
    const child = startChild(argv, { descriptors: [terminal, 0, 0], session: true, cwd: cwd ?? '/', env: env ?? {}, sealed });
    return { child, fd, line: new ReadStream(fd) };
  } catch (error) {
    closeSync(fd);
    throw startError(argv, error as Error);
  }
}
