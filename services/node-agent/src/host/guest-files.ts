import { close, read, write, writev } from 'node:fs';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { LxdError } from '@asterism/errors';
import type { GuestAnswer, GuestRequest, GuestRoot } from './guest-file-operations.js';
import { readAhead } from './read-ahead.js';
import { youngBuffers } from './young-buffers.js';

export type { FileFacts, GuestAnswer, GuestRequest, GuestRoot } from './guest-file-operations.js';

const deadlineMs = 10_000;
const startWithinMs = 120_000;
const patienceMs = 100;
const maxThreads = 4;
const idleMs = 60_000;

const readAsync = promisify(read);
const writeAsync = promisify(write);
const writevAsync = promisify(writev);
const closeAsync = promisify(close);

interface Thread {
  worker: Worker;
  /** It has loaded its code, which may take long on a busy or emulated host and is no fault of a guest's. */
  isReady: boolean;
  idle: NodeJS.Timeout | undefined;
}

/** Threads run compiled code, also when the rest runs from its sources. */
const workerFile = new URL('./guest-files-worker.js', import.meta.url.replace(/\/src\/host\/([^/]*)\.ts$/, '/dist/host/$1.js'));

type Reply = { answer: GuestAnswer } | { failure: { code: string; message: string } };

/** The one way to a guest's files. What hangs in a guest's file system costs a thread, not the agent. */
export class GuestFiles {
  readonly #free: Thread[] = [];
  readonly #waiting: ((thread: Thread) => void)[] = [];
  #threads = 0;

  /** Throws an Error with `code` as the file system calls do; "timeout" when the guest made it hang. */
  async request(guest: GuestRoot, request: GuestRequest): Promise<GuestAnswer> {
    const thread = await this.#acquire();
    let timer: NodeJS.Timeout | undefined;
    let reply: Reply | undefined;
    try {
      reply = await new Promise<Reply>((resolve, reject) => {
        const giveUp = (): void => reject(new LxdError('timeout', 'The instance’s file system does not answer'));
        timer = setTimeout(giveUp, thread.isReady ? deadlineMs : startWithinMs);
        thread.worker.on('message', (message: 'ready' | Reply) => {
          if (message !== 'ready') return resolve(message);
          thread.isReady = true;
          clearTimeout(timer);
          timer = setTimeout(giveUp, deadlineMs);
        });
        thread.worker.once('error', reject);
        thread.worker.postMessage({ guest, request });
      });
    } finally {
      clearTimeout(timer);
      // By name: without one, listeners of the worker's own would go too, and it would fall silent.
      thread.worker.removeAllListeners('message').removeAllListeners('error');
      if (reply) this.#release(thread);
      else this.#giveUp(thread);
    }
    if ('answer' in reply) return reply.answer;
    throw Object.assign(new Error(reply.failure.message), { code: reply.failure.code });
  }

  /** As many bytes of an open file, in pieces that are good until the next one is asked for; it is closed at the end. Throws where the file has become shorter. */
  async *readExactly(fd: number, bytes: number): AsyncIterable<Buffer> {
    let left = bytes;
    try {
      for await (const piece of readAhead(fd, bytes)) {
        left -= piece.length;
        yield piece;
      }
      if (left > 0) throw new LxdError('internal', 'The file became shorter while it was read');
    } finally {
      await closeAsync(fd);
    }
  }

  /** Chunks of an open file, which is closed at the end; small files are not given large buffers. */
  async *read(fd: number, expectedBytes = chunkBytes): AsyncIterable<Buffer> {
    const size = Math.min(chunkBytes, Math.max(4096, expectedBytes + 1));
    const passed = youngBuffers();
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(size);
        const { bytesRead } = await readAsync(fd, chunk, 0, chunk.length, null);
        if (bytesRead === 0) return;
        yield chunk.subarray(0, bytesRead);
        passed(bytesRead);
      }
    } finally {
      await closeAsync(fd);
    }
  }

  async write(fd: number, chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length; ) {
      const { bytesWritten } = await writeAsync(fd, chunk, offset, chunk.length - offset, null);
      offset += bytesWritten;
    }
  }

  /** Small chunks are gathered into few writes, each going on while the next is gathered. */
  async writeAll(fd: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    const passed = youngBuffers();
    let batch: Uint8Array[] = [];
    let batchBytes = 0;
    let writing = Promise.resolve();
    for await (const chunk of content) {
      batch.push(chunk);
      batchBytes += chunk.length;
      passed(chunk.length);
      if (batchBytes < batchUpToBytes) continue;
      await writing;
      writing = this.#writeBatch(fd, batch);
      writing.catch(() => undefined);
      batch = [];
      batchBytes = 0;
    }
    await writing;
    await this.#writeBatch(fd, batch);
  }

  async #writeBatch(fd: number, batch: Uint8Array[]): Promise<void> {
    if (batch.length === 0) return;
    const expected = batch.reduce((sum, chunk) => sum + chunk.length, 0);
    const { bytesWritten } = await writevAsync(fd, batch);
    if (bytesWritten < expected) await this.write(fd, Buffer.concat(batch).subarray(bytesWritten));
  }

  close(fd: number): Promise<void> {
    return closeAsync(fd);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#free.splice(0).map(({ worker }) => worker.terminate()));
  }

  async #acquire(): Promise<Thread> {
    const free = this.#free.pop();
    if (free) {
      clearTimeout(free.idle);
      return free;
    }
    if (this.#threads === 0) return this.#spawn();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      setTimeout(() => this.#reinforce(resolve), patienceMs);
    });
  }

  /** A request takes microseconds unless its guest hangs: another thread is started only for one that waited. */
  #reinforce(waiting: (thread: Thread) => void): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0 || this.#threads >= maxThreads) return;
    this.#waiting.splice(index, 1);
    waiting(this.#spawn());
  }

  #spawn(): Thread {
    this.#threads++;
    const worker = new Worker(workerFile, {
      trackUnmanagedFds: false,
      resourceLimits: { maxOldGenerationSizeMb: 32, stackSizeMb: 2 },
    });
    worker.unref();
    return { worker, isReady: false, idle: undefined };
  }

  #release(thread: Thread): void {
    const next = this.#waiting.shift();
    if (next) return next(thread);
    thread.idle = setTimeout(() => {
      const index = this.#free.indexOf(thread);
      if (index < 0) return;
      this.#free.splice(index, 1);
      this.#threads--;
      void thread.worker.terminate();
    }, idleMs);
    thread.idle.unref();
    this.#free.push(thread);
  }

  /** A thread that hangs in the kernel cannot be ended; it is forgotten and another takes its place. */
  #giveUp(thread: Thread): void {
    this.#threads--;
    void thread.worker.terminate();
    const next = this.#waiting.shift();
    if (next) next(this.#spawn());
  }
}

const chunkBytes = 1024 * 1024;
const batchUpToBytes = 1024 * 1024;
