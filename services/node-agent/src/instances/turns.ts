/** Lets what concerns one key happen one after the other, once it is open. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();
  private readonly gate = Promise.withResolvers<void>();

  /** Resolves when turns are given at all. */
  get opened(): Promise<void> {
    return this.gate.promise;
  }

  open(): this {
    this.gate.resolve();
    return this;
  }

  async take<T>(key: string, body: () => Promise<T>): Promise<T> {
    await this.opened;
    const before = this.last.get(key) ?? Promise.resolve();
    const mine = before.then(body, body);
    const settled = mine.catch(() => undefined);
    this.last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.last.get(key) === settled) this.last.delete(key);
    }
  }
}
