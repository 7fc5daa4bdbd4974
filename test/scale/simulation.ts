import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { repository } from '../servers/asterism.js';
import type { TestServer } from '../servers/server.js';
import type { Commands } from './simulator.js';

type Wish<K extends keyof Commands> = Parameters<Commands[K]>[0];
type Answer<K extends keyof Commands> = Awaited<ReturnType<Commands[K]>>;

/** The simulator's process on the server's host. */
export class Simulation {
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #last = 0;

  private constructor(private readonly process: ChildProcess) {
    createInterface({ input: process.stdout! }).on('line', (line) => {
      const { id, value, error } = JSON.parse(line) as { id: number; value?: unknown; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    process.once('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the simulator ended with ${code}`));
    });
  }

  static start(server: TestServer): Simulation {
    const [file, ...args] = server.host.inside([process.execPath, '--max-old-space-size=2048', join(repository, 'test/dist/scale/simulator.js'), server.socket]);
    return new Simulation(spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'], cwd: server.work }));
  }

  tell<K extends keyof Commands>(command: K, ...[wish]: Wish<K> extends undefined ? [] : [Wish<K>]): Promise<Answer<K>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.process.stdin!.write(`${JSON.stringify({ id, command, wish })}\n`);
    });
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin!.end();
    await gone;
  }
}
