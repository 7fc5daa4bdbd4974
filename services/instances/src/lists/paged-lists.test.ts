import { parseFilter } from '@asterism/api';
import { describe, expect, it } from 'vitest';
import type { DocumentStore, PlacedInstance, Selection } from './document.store.js';
import { PagedLists } from './paged-lists.js';

const all = Array.from({ length: 25 }, (_, index): PlacedInstance => {
  const name = `c${String(index).padStart(2, '0')}`;
  return { id: `00000000-0000-0000-0000-0000000000${String(index).padStart(2, '0')}`, project: 'default', name, status: 'Stopped', member: 'm1', at: '2026-11-23T10:00:00.000000Z', json: JSON.stringify({ name, devices: { root: { pool: index % 10 === 0 ? 'fast' : 'slow' } } }) };
});
const asked: Selection[] = [];
const documents = {
  page: async (selection: Selection, { after, limit }: { after?: { name: string }; limit: number }) => {
    asked.push(selection);
    return all.filter(({ name }) => after === undefined || name > after.name).slice(0, limit);
  },
} as unknown as DocumentStore;

const lists = new PagedLists(documents);
const selection: Selection = { projects: ['default'], type: '' };

async function walk(filter: string, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { rows, next } = await lists.of(selection, parseFilter(filter), { page: { limit, after }, recursion: 1 });
    pages.push(rows.map(({ name }) => name));
    after = next;
  }
  return pages;
}

describe('pages', () => {
  it('have every instance once, in order', async () => {
    expect(await walk('', 10)).toEqual([all.slice(0, 10), all.slice(10, 20), all.slice(20)].map((rows) => rows.map(({ name }) => name)));
    expect((await walk('', 25)).length).toBe(1);
  });

  it('have what a filter lets through', async () => {
    expect(await walk('devices.root.pool eq fast', 2)).toEqual([['c00', 'c10'], ['c20']]);
  });

  it('ask the database for what it can decide', async () => {
    await lists.of(selection, parseFilter('name eq c01'), { page: { limit: 10, after: '' }, recursion: 0 });
    expect(asked.at(-1)?.conditions).toEqual([{ expression: 'lower(i.name)', value: 'c01' }]);
  });

  it('begin where the one before ended, or nowhere', async () => {
    for (const after of ['x', Buffer.from('["now","c1","2"]').toString('base64url')]) {
      await expect(lists.of(selection, [], { page: { limit: 1, after }, recursion: 0 })).rejects.toThrow('Invalid cursor');
    }
  });
});
