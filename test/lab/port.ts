import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface Output {
  /** What it printed, errors too. */
  text: string;
  /** 124 when its time was up. */
  code: number;
}

/** The line into the machine: scripts go in, one at a time, and what they print comes out (`guest/agent.sh` is at its other end). */
export class Port {
  #socket: Socket | undefined;
  #received = '';
  #last = Date.now() % 1_000_000;
  readonly #waiting = new Map<string, (output: Output) => void>();

  constructor(readonly path: string) {}

  async run(script: string, seconds = 150): Promise<Output> {
    const socket = (this.#socket ??= await this.#connect());
    const id = String(++this.#last);
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`the laboratory gave no answer within ${seconds + 30} s`));
      }, (seconds + 30) * 1000);
      this.#waiting.set(id, (output) => {
        clearTimeout(timer);
        resolve(output);
      });
      socket.write(`${id} ${seconds} ${Buffer.from(script).toString('base64')}\n`);
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #connect(): Promise<Socket> {
    const socket = connect(this.path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#hear(chunk.toString('latin1')));
    return socket;
  }

  #hear(chunk: string): void {
    const lines = (this.#received + chunk).split('\n');
    this.#received = lines.pop() ?? '';
    for (const line of lines) {
      const [id = '', code = '', text = ''] = line.split(' ');
      this.#waiting.get(id)?.({ code: Number(code), text: Buffer.from(text, 'base64').toString() });
      this.#waiting.delete(id);
    }
  }
}
