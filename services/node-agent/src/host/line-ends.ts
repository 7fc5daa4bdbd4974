const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Takes back what a terminal does to output: it puts one carriage return before every line feed. Works on chunks, whatever their borders. */
export class LineEnds {
  #held = false;

  /** Whether the last chunk ended in a carriage return that is not given out yet. */
  get holdsBack(): boolean {
    return this.#held;
  }

  undo(chunk: Buffer): Buffer {
    const input = this.#held ? Buffer.concat([Buffer.of(carriageReturn), chunk]) : chunk;
    this.#held = input[input.length - 1] === carriageReturn;
    const end = this.#held ? input.length - 1 : input.length;
    const output = Buffer.allocUnsafe(end);
    let length = 0;
    for (let index = 0; index < end; index++) {
      if (input[index] === carriageReturn && input[index + 1] === lineFeed) continue;
      output[length++] = input[index]!;
    }
    return output.subarray(0, length);
  }

  /** What is held back, for good. */
  rest(): Buffer {
    const rest = this.#held ? Buffer.of(carriageReturn) : Buffer.alloc(0);
    this.#held = false;
    return rest;
  }
}
