import { describe, expect, it } from 'vitest';
import { parseIndex } from './parse-index.js';

const long = `padding: ${'x'.repeat(40_000)}\n`;

describe('an index', () => {
  it('is read alike here and in a thread', async () => {
    expect(await parseIndex('name: c1\nnumber: 0123')).toEqual({ name: 'c1', number: '0123' });
    expect(await parseIndex(`${long}name: c1\nnumber: 0123`)).toMatchObject({ name: 'c1', number: '0123' });
  });

  it('is refused in the same words', async () => {
    await expect(parseIndex('- a')).rejects.toThrow('yaml: index.yaml must be a mapping');
    await expect(parseIndex(`${long}a: [`)).rejects.toThrow(/^yaml: /);
    await expect(parseIndex(`- ${'x'.repeat(40_000)}`)).rejects.toThrow('yaml: index.yaml must be a mapping');
  });

  it('that would fill the memory ends the thread and nothing else', async () => {
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]', ...Array.from({ length: 45 }, (_unused, index) => `a${index + 1}: &a${index + 1} [${Array(10).fill(`*a${index}`).join(',')}]`), long].join('\n');
    await expect(parseIndex(bomb)).rejects.toThrow(/^yaml: /);
  });
});
