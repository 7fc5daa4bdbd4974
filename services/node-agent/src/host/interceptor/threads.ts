import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Descriptors } from './intercepted-call.js';
import type { Verdict } from './notification.js';

/** LXC's monitor waits 30 seconds and would then take a late answer for that to its next question. */
const answerWithinMs = 10_000;
const idleMs = 20_000;
const maxThreads = 32;

/** Threads run compiled code, also when the rest runs from its sources. */
const workerFile = new URL('./worker.js', import.meta.url.replace(/\/src\/(.*)\/([^/]*)\.ts$/, '/dist/$1/$2.js'));

/** The threads that handle calls. A guest has one at most, so that one which lets its thread hang takes nothing from the others. */
export class Threads {
  readonly #idle: { thread: Worker; ending: NodeJS.Timeout }[] = [];
  readonly #busy = new Map<string, Worker>();
  #count = 0;

  /** @param worker what a thread runs */
  constructor(
    private readonly policies: string,
    private readonly worker = workerFile,
    private readonly deadlineMs = answerWithinMs,
  ) {}

  /** @param guest whom to count it for. The descriptors are closed here. Settles within a deadline, whatever becomes of the thread. */
  handle(guest: string, message: Buffer, descriptors: Descriptors): Promise<Verdict> {
    const thread = this.#busy.has(guest) ? undefined : this.#take();
    if (!thread) {
      for (const descriptor of Object.values(descriptors)) closeSync(descriptor as number);
      return Promise.resolve('continue');
    }
    this.#busy.set(guest, thread);
    return new Promise((resolve) => {
      const deadline = setTimeout(() => resolve('continue'), this.deadlineMs);
      const settle = (verdict: Verdict, lives: boolean): void => {
        clearTimeout(deadline);
        for (const name of ['message', 'error', 'exit']) thread.removeAllListeners(name);
        this.#busy.delete(guest);
        if (lives) this.#rest(thread);
        else this.#count--;
        resolve(verdict);
      };
      thread.once('message', (verdict: Verdict) => settle(verdict, true));
      thread.on('error', (error) => process.stderr.write(`${String((error as Error).stack)}\n`));
      thread.once('exit', () => settle('continue', false));
      thread.postMessage({ message, descriptors });
    });
  }

  #take(): Worker | undefined {
    const resting = this.#idle.pop();
    if (resting) {
      clearTimeout(resting.ending);
      return resting.thread;
    }
    if (this.#count >= maxThreads) return undefined;
    this.#count++;
    return new Worker(this.worker, { workerData: { policies: this.policies }, trackUnmanagedFds: false, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 32 } });
  }

  #rest(thread: Worker): void {
    const entry = { thread, ending: setTimeout(() => this.#end(entry), idleMs).unref() };
    this.#idle.push(entry);
  }

  #end(entry: { thread: Worker }): void {
    const index = this.#idle.findIndex(({ thread }) => thread === entry.thread);
    if (index < 0 || this.#idle.length < 2) return;
    this.#idle.splice(index, 1);
    this.#count--;
    void entry.thread.terminate();
  }
}
