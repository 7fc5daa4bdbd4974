/** Hands on the newest of what comes faster than it is taken; what was not taken in time is passed over. */
export class Latest<T> {
  #news: T | undefined;
  #wake: () => void = () => undefined;

  set(news: T): void {
    this.#news = news;
    this.#wake();
  }

  /** Until the work ends, well or not; whoever wants its outcome waits for it. */
  async *until(work: Promise<unknown>): AsyncGenerator<T> {
    let ended = false;
    const end = (): void => {
      ended = true;
      this.#wake();
    };
    work.then(end, end);
    while (!ended) {
      if (this.#news === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      const news = this.#news;
      this.#news = undefined;
      if (news !== undefined) yield news;
    }
  }
}
