import { LxdError } from '@asterism/errors';

/**
 * The first JSON value of a request body. As Go's decoder does, it ignores what follows the value, and refuses bad
 * syntax in Go's words.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const end = new Scanner(text).value();
    return JSON.parse(text.slice(0, end));
  }
}

/** Walks one JSON value only to say what is wrong with it; the good path never comes here. */
class Scanner {
  #at = 0;

  constructor(private readonly text: string) {}

  /** The offset behind the first value. */
  value(): number {
    this.#space();
    if (this.#at >= this.text.length) throw invalid('EOF');
    this.#value('looking for beginning of value', 0);
    return this.#at;
  }

  #value(wanted: string, depth: number): void {
    if (depth > 10_000) throw invalid('exceeded max depth');
    const character = this.#peek();
    if (character === '{') return this.#object(depth);
    if (character === '[') return this.#array(depth);
    if (character === '"') return this.#string();
    if (character === '-' || isDigit(character)) return this.#number();
    for (const word of ['true', 'false', 'null']) if (character === word[0]) return this.#literal(word);
    throw this.#unexpected(wanted);
  }

  #object(depth: number): void {
    this.#at++;
    this.#space();
    if (this.#peek() === '}') return this.#skip();
    for (;;) {
      if (this.#peek() !== '"') throw this.#unexpected('looking for beginning of object key string');
      this.#string();
      this.#space();
      if (this.#peek() !== ':') throw this.#unexpected('after object key');
      this.#at++;
      this.#space();
      this.#value('looking for beginning of value', depth + 1);
      this.#space();
      if (this.#peek() === '}') return this.#skip();
      if (this.#peek() !== ',') throw this.#unexpected('after object key:value pair');
      this.#at++;
      this.#space();
    }
  }

  #array(depth: number): void {
    this.#at++;
    this.#space();
    if (this.#peek() === ']') return this.#skip();
    for (;;) {
      this.#value('looking for beginning of value', depth + 1);
      this.#space();
      if (this.#peek() === ']') return this.#skip();
      if (this.#peek() !== ',') throw this.#unexpected('after array element');
      this.#at++;
      this.#space();
    }
  }

  #string(): void {
    this.#at++;
    for (;;) {
      const character = this.#peek();
      if (character < ' ') throw this.#unexpected('in string literal');
      this.#at++;
      if (character === '"') return;
      if (character !== '\\') continue;
      if (this.#peek() === 'u') {
        this.#at++;
        for (let digit = 0; digit < 4; digit++, this.#at++) {
          if (!/[0-9a-fA-F]/.test(this.#peek())) throw this.#unexpected('in \\u hexadecimal character escape');
        }
      } else {
        if (!'"\\/bfnrt'.includes(this.#peek())) throw this.#unexpected('in string escape code');
        this.#at++;
      }
    }
  }

  #number(): void {
    if (this.text[this.#at] === '-') this.#at++;
    if (!isDigit(this.#peek())) throw this.#unexpected('in numeric literal');
    if (this.text[this.#at] === '0') this.#at++;
    else this.#digits();
    if (this.text[this.#at] === '.') {
      this.#at++;
      if (!isDigit(this.#peek())) throw this.#unexpected('after decimal point in numeric literal');
      this.#digits();
    }
    if (this.text[this.#at] === 'e' || this.text[this.#at] === 'E') {
      this.#at++;
      if (this.text[this.#at] === '+' || this.text[this.#at] === '-') this.#at++;
      if (!isDigit(this.#peek())) throw this.#unexpected('in exponent of numeric literal');
      this.#digits();
    }
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#peek() !== expected) throw this.#unexpected(`in literal ${word} (expecting ${quoted(expected)})`);
      this.#at++;
    }
  }

  #digits(): void {
    while (isDigit(this.text[this.#at] ?? '')) this.#at++;
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.text[this.#at] ?? '')) this.#at++;
  }

  #skip(): void {
    this.#at++;
  }

  #peek(): string {
    const character = this.text[this.#at];
    if (character === undefined) throw invalid('unexpected EOF');
    return character;
  }

  #unexpected(where: string): LxdError {
    return invalid(`invalid character ${quoted(String.fromCodePoint(this.text.codePointAt(this.#at) ?? 0))} ${where}`);
  }
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9' && character.length === 1;
}

function quoted(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  return `'${JSON.stringify(character).slice(1, -1).replace(/^\\u00/, '\\x')}'`;
}

function invalid(message: string): LxdError {
  return new LxdError('bad-request', message);
}
