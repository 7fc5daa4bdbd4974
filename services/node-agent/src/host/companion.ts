import { connect, type Socket } from 'node:net';
import { LxdError } from '@asterism/errors';
import { hostProcesses } from './processes.js';

const startWithinMs = 10_000;
/** A small heap: companions hold nothing but what is on its way. */
const nodeOptions = ['--max-semi-space-size=1', '--max-old-space-size=256', '--disable-warning=ExperimentalWarning'];

export interface CompanionProgram {
  /** "forwarder of proxy devices" */
  words: string;
  main: string;
  /** Where it listens; its first argument. */
  socket: string;
  arguments?: readonly string[];
  logFile: string;
  cgroup: string;
}

/** A program of the agent's own that runs beside it and outlives it; it ends by itself when nobody needs it. */
export class Companion {
  #starting: Promise<void> | undefined;
  #watch: Socket | undefined;

  constructor(private readonly program: CompanionProgram) {}

  /** Undefined where it does not run. */
  connect(): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ path: this.program.socket });
      socket.once('connect', () => resolve(socket));
      socket.on('error', () => resolve(undefined));
    });
  }

  /** One at a time: whoever comes second finds the first one's. @param stdin a descriptor that becomes its standard input */
  start(stdin?: number): Promise<void> {
    this.#starting ??= this.#start(stdin).finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  /** Holds a connection that is only there to end with the process; false where it does not run. */
  async watch(lost: () => void): Promise<boolean> {
    if (this.#watch) return true;
    const socket = await this.connect();
    if (!socket || this.#watch) return socket?.destroy(), this.#watch !== undefined;
    this.#watch = socket;
    socket.resume().unref();
    socket.once('close', () => {
      this.#watch = undefined;
      lost();
    });
    return true;
  }

  async #start(stdin: number | undefined): Promise<void> {
    const { words, main, socket, arguments: rest = [], logFile, cgroup } = this.program;
    const handle = await hostProcesses.start([process.execPath, ...nodeOptions, main, socket, ...rest], { logFile, cgroup, ...(stdin === undefined ? {} : { stdin }) });
    for (const deadline = performance.now() + startWithinMs; performance.now() < deadline && hostProcesses.isAlive(handle); ) {
      const answered = await this.connect();
      answered?.destroy();
      if (answered) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new LxdError('internal', `The ${words} does not start`);
  }
}
