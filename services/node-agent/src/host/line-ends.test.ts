import { describe, expect, it } from 'vitest';
import { LineEnds } from './line-ends.js';

const through = (...chunks: string[]): string => {
  const lineEnds = new LineEnds();
  const parts = chunks.map((chunk) => lineEnds.undo(Buffer.from(chunk)));
  return Buffer.concat([...parts, lineEnds.rest()]).toString();
};

describe('line ends of a terminal', () => {
  it('lose the one carriage return it put there', () => {
    expect(through('a\r\r\nb\r\n')).toBe('a\r\nb\n');
    expect(through('50%\r60%\r')).toBe('50%\r60%\r');
  });
  it('are found across chunks', () => {
    expect(through('a\r', '\r', '\nb')).toBe('a\r\nb');
    expect(through('a\r', 'b')).toBe('a\rb');
  });
});
