/** Values handed from one side to the other, one at a time and at the reader's pace; the buffer is bounded by `limit` values. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  #closed = false;
  #wakeReader = (): void => undefined;
  #wakeWriter = (): void => undefined;

  constructor(private readonly limit = 16) {}

  /** Resolves when there is room again; values after close() are dropped. */
  async put(value: T): Promise<void> {
    if (this.#closed) return;
    this.#values.push(value);
    this.#wakeReader();
    while (this.#values.length >= this.limit && !this.#closed) await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
  }

  /** What was put is still read. */
  close(): void {
    this.#closed = true;
    this.#wakeReader();
    this.#wakeWriter();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      for (;;) {
        if (this.#values.length > 0) {
          const value = this.#values.shift()!;
          this.#wakeWriter();
          yield value;
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((resolve) => (this.#wakeReader = resolve));
        }
      }
    } finally {
      this.close();
    }
  }
}
