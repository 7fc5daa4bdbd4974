import { createHash } from 'node:crypto';

/** Bodies up to this are read before the request runs, so that it is known at once whether they are the same. */
const heldBytes = 1024 * 1024;

/** A body whose digest is taken as it is read: small ones are held, the rest of large ones passes through. */
export class DigestedBody {
  readonly #hash = createHash('sha256');
  readonly #held: Buffer[] = [];
  readonly #rest: AsyncIterator<Buffer>;
  #digest = '';

  constructor(source: AsyncIterable<Buffer>) {
    this.#rest = source[Symbol.asyncIterator]();
  }

  /** Empty until the body was read to its end. */
  get digest(): string {
    return this.#digest;
  }

  async hold(): Promise<void> {
    for (let size = 0; size <= heldBytes && this.#digest === ''; ) {
      const chunk = await this.#next();
      if (chunk) this.#held.push(chunk);
      size += chunk?.length ?? 0;
    }
  }

  /** The whole body, once. */
  async *content(): AsyncIterable<Buffer> {
    for (let chunk = this.#held.shift(); chunk; chunk = this.#held.shift()) yield chunk;
    while (this.#digest === '') {
      const chunk = await this.#next();
      if (chunk) yield chunk;
    }
  }

  /** Reads what is left, for its digest alone. */
  async drain(): Promise<string> {
    for await (const _chunk of this.content());
    return this.#digest;
  }

  async #next(): Promise<Buffer | undefined> {
    const next = await this.#rest.next();
    if (next.done) {
      this.#digest = this.#hash.digest('hex');
      return undefined;
    }
    this.#hash.update(next.value);
    return next.value;
  }
}
