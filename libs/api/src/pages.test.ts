import { describe, expect, it } from 'vitest';
import { pages } from './pages.js';

describe('pages', () => {
  it('are asked for until one names no next', async () => {
    const next: Record<string, string | undefined> = { '': 'a', a: 'b' };
    const asked: string[] = [];
    for await (const page of pages(async (after) => ({ after, next: next[after] }))) asked.push(page.after);
    expect(asked).toEqual(['', 'a', 'b']);
  });
});
