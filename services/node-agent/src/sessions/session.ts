import type { agentInstances } from '@asterism/proto';
import type { Exit } from '../host/commands.js';
import { Channel } from './channel.js';
import { parseControl, type Control } from './control.js';

type Frame = agentInstances.SessionFrame;

/** What runs behind a session: sockets are joined to it by file descriptor. */
export interface Program {
  /** What it prints, by fd ("0" of a terminal; "1" and "2" of pipes). */
  outputs: Record<string, AsyncIterable<Uint8Array>>;
  write(data: Uint8Array): Promise<void>;
  /** Nothing more will be written. */
  closeInput(): void;
  control(message: Control): void;
  /** The client has gone: whoever listens to a terminal hangs up, pipes are killed. */
  abandon(): void;
  /** Lets go of outputs that something else still holds open after the end. */
  release(): void;
  ended: Promise<Exit>;
}

/** How long nothing may come after the command's end before its output counts as complete, though something it left behind holds the pipe. */
const lingerMs = 250;

export interface SessionOptions {
  /** Sockets that must be there before the program starts; none: it starts at once. */
  awaited: readonly string[];
  start(): Promise<Program>;
  /** Takes the output instead of sockets; answers files by fd. */
  record?(program: Program): Promise<Record<string, string>>;
}

/** The result goes on its way first: the end of an operation is written while its sockets say goodbye. */
function closeSoon(...sockets: (Channel<Frame> | undefined)[]): void {
  setImmediate(() => {
    for (const socket of sockets) socket?.close();
  });
}

/** One exec or console: waits for its sockets, runs the program, carries bytes, knows the result. */
export class Session {
  readonly #sockets = new Map<string, Channel<Frame>>();
  readonly #program: Promise<Program>;
  readonly result: Promise<agentInstances.SessionResult>;
  #begin!: (program: Program | Promise<Program>) => void;
  #giveUp!: (error: Error) => void;
  #started = false;
  #over = false;
  #carrying = 0;
  #lastChunkAt = 0;

  constructor(
    readonly id: string,
    private readonly options: SessionOptions,
  ) {
    this.#program = new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#giveUp = reject;
    });
    this.#program.catch(() => undefined);
    this.result = this.#run().catch((error: Error) => ({ exit_code: -1, output: {}, error: error.message }));
    if (this.isComplete) this.#start();
  }

  /** Ends a session that nobody joined. */
  giveUp(words: string): void {
    this.#giveUp(new Error(words));
  }

  /** Every socket is open, so the program has started. */
  get isComplete(): boolean {
    return this.options.awaited.every((fd) => this.#sockets.has(fd));
  }

  async cancel(): Promise<void> {
    this.giveUp('cancelled');
    (await this.#program.catch(() => undefined))?.abandon();
  }

  /** Joins one socket: takes what the client sends, answers what the program prints on that fd. */
  async *attach(fd: string, incoming: AsyncIterable<Frame>): AsyncIterable<Frame> {
    if (this.#sockets.has(fd) || this.#over) return;
    const outgoing = new Channel<Frame>();
    this.#sockets.set(fd, outgoing);
    if (this.isComplete) this.#start();
    const receiving = this.#receive(fd, incoming);
    receiving.catch(() => undefined);
    yield* outgoing;
  }

  /** Once: a socket may come that nobody waits for. */
  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#begin(this.options.start());
  }

  async #run(): Promise<agentInstances.SessionResult> {
    try {
      const program = await this.#program;
      const output = this.options.record ? this.options.record(program) : this.#carryAll(program);
      const exit = await program.ended;
      const linger = setInterval(() => {
        if (this.#carrying === 0 && performance.now() - this.#lastChunkAt > lingerMs) program.release();
      }, lingerMs);
      return { ...verdict(exit), output: await output.finally(() => clearInterval(linger)) };
    } finally {
      this.#over = true;
      closeSoon(...this.#sockets.values());
    }
  }

  async #carryAll(program: Program): Promise<Record<string, string>> {
    await Promise.all(Object.entries(program.outputs).map(([fd, output]) => this.#carry(fd, output)));
    return {};
  }

  async #carry(fd: string, output: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of output) {
        this.#carrying++;
        await this.#sockets.get(fd)?.put({ session_id: this.id, fd, data: Buffer.from(chunk), end: false });
        this.#carrying--;
        this.#lastChunkAt = performance.now();
      }
    } catch {
      // An output that was released ends here.
    }
    closeSoon(this.#sockets.get(fd));
  }

  async #receive(fd: string, incoming: AsyncIterable<Frame>): Promise<void> {
    let finished = false;
    try {
      for await (const { data, end } of incoming) {
        const program = await this.#program;
        if (fd === 'control') {
          const message = parseControl(Buffer.from(data).toString());
          if (message) program.control(message);
        } else if (fd === '0') {
          if (data.length > 0) await program.write(data);
          if (end) {
            program.closeInput();
            finished = true;
          }
        }
      }
    } finally {
      await this.#gone(fd, finished);
    }
  }

  /** A client that closes a socket before the program's end has gone, unless it only ended its input. */
  async #gone(fd: string, finished: boolean): Promise<void> {
    if (this.#over) return;
    const program = await this.#program.catch(() => undefined);
    if (!program) return;
    if (fd === '0' && !finished) program.closeInput();
    const isLifeline = fd === 'control' || (fd === '0' && '0' in program.outputs);
    if (isLifeline) program.abandon();
  }
}

/** Exit codes as a shell has them; 126 and 127 also in the reference's words. */
function verdict({ code, signal }: Exit): { exit_code: number; error: string } {
  const exit_code = code ?? (signal === null ? -1 : 128 + 9);
  if (exit_code === 127) return { exit_code, error: 'Command not found' };
  if (exit_code === 126) return { exit_code, error: 'Command not executable' };
  return { exit_code, error: '' };
}
