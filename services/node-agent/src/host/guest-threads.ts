import { LxdError } from '@asterism/errors';
import { Worker } from 'node:worker_threads';
import type { Guests, GuestRequests, GuestVerb } from './guests.js';

const MAX_THREADS = 6;
/** Threads that answered nothing for this long hang. */
const PATIENCE_MS = 250;
const IDLE_MS = 20_000;
const DEFAULT_TIMEOUT_MS = 10_000;

/** Threads run compiled code, also when the rest runs from its sources. */
const workerFile = new URL('./guest-namespaces-worker.js', import.meta.url.replace(/\/src\/host\/([^/]*)\.ts$/, '/dist/host/$1.js'));

interface Asked {
  verb: GuestVerb;
  request: unknown;
  timeoutMs: number;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** What a thread sends back. */
export type GuestAnswer = { answer: unknown } | { error: { message: string; code?: string } };

/** Threads that enter guests, one request at a time each; started as needed, ended when idle, given up when one hangs. */
export class GuestThreads implements Pick<Guests, 'ask' | 'close'> {
  private readonly idle: Worker[] = [];
  private readonly queue: Asked[] = [];
  private readonly threads = new Set<Worker>();
  private impatience: NodeJS.Timeout | undefined;
  private answered = 0;
  private answeredBefore = 0;

  ask<V extends GuestVerb>(verb: V, request: GuestRequests[V]['request'], options: { timeoutMs?: number } = {}): Promise<GuestRequests[V]['answer']> {
    return new Promise((resolve, reject) => {
      this.queue.push({ verb, request, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS, resolve: resolve as (answer: unknown) => void, reject });
      this.next();
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.threads].map((thread) => thread.terminate()));
  }

  /** A request takes microseconds unless its guest hangs: another thread is started only when those that are busy stay so. */
  private next(): void {
    if (this.queue.length === 0) return;
    const thread = this.idle.pop() ?? (this.threads.size === 0 ? this.start() : undefined);
    if (thread) this.run(thread, this.queue.shift()!);
    else this.impatience ??= setTimeout(() => this.reinforce(), PATIENCE_MS);
  }

  private reinforce(): void {
    this.impatience = undefined;
    if (this.queue.length > 0 && this.idle.length === 0 && this.threads.size < MAX_THREADS && this.answered === this.answeredBefore) this.idle.push(this.start());
    this.answeredBefore = this.answered;
    this.next();
  }

  private run(thread: Worker, asked: Asked): void {
    const settle = (finish: () => void, reusable: boolean): void => {
      clearTimeout(deadline);
      this.answered++;
      for (const name of ['message', 'error', 'exit']) thread.removeAllListeners(name);
      if (reusable) this.rest(thread);
      else this.forget(thread);
      finish();
      this.next();
    };
    const deadline = setTimeout(() => {
      settle(() => asked.reject(new LxdError('timeout', 'The instance did not answer in time')), false);
    }, asked.timeoutMs);
    thread.once('message', (message: GuestAnswer) => {
      if ('answer' in message) settle(() => asked.resolve(message.answer), true);
      else settle(() => asked.reject(Object.assign(new Error(message.error.message), { code: message.error.code })), true);
    });
    thread.once('error', (error) => settle(() => asked.reject(error as Error), false));
    thread.once('exit', () => settle(() => asked.reject(new LxdError('internal', 'The thread that looks into instances ended')), false));
    thread.postMessage([asked.verb, asked.request]);
  }

  private start(): Worker {
    const thread = new Worker(workerFile, { trackUnmanagedFds: false, execArgv: [] });
    thread.unref();
    this.threads.add(thread);
    return thread;
  }

  private rest(thread: Worker): void {
    this.idle.push(thread);
    const timer = setTimeout(() => {
      if (this.idle[0] !== thread || this.idle.length < 2) return;
      this.idle.shift();
      this.forget(thread);
    }, IDLE_MS);
    timer.unref();
    thread.once('exit', () => this.forget(thread));
  }

  private forget(thread: Worker): void {
    this.threads.delete(thread);
    const index = this.idle.indexOf(thread);
    if (index >= 0) this.idle.splice(index, 1);
    thread.on('error', () => undefined);
    void thread.terminate();
  }
}
