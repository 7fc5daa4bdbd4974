import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';

let server: TestServer;
const names = ['c1', 'c2', 'c3', 'c4', 'c5'];

beforeAll(async () => {
  server = await TestServer.start(asterism);
  await server.client.change('POST', '/1.0/storage-pools', { name: 'default', driver: 'dir' });
  const devices = { root: { type: 'disk', path: '/', pool: 'default' } };
  for (const [index, name] of names.entries()) {
    await server.client.change('POST', '/1.0/instances', { name, source: { type: 'none' }, profiles: [], devices, config: { 'user.even': String(index % 2 === 0) } });
  }
});

afterAll(() => server?.remove());

/** Follows the header Link to the last page. */
async function walk(path: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer = await server.client.send({ path: next });
    expect(answer.status).toBe(200);
    pages.push((JSON.parse(answer.body.toString()) as { metadata: (string | { name: string })[] }).metadata.map((entry) => (typeof entry === 'string' ? entry.split('/').at(-1)! : entry.name)));
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers['link']?.toString() ?? '')?.[1];
  }
  return pages;
}

describe('a list of instances in pages', () => {
  it.each(['0', '1', '2'])('has all of them once and in order, at recursion %s', async (recursion) => {
    expect(await walk(`/1.0/instances?recursion=${recursion}&limit=2`)).toEqual([['c1', 'c2'], ['c3', 'c4'], ['c5']]);
  });

  it('has what a filter lets through', async () => {
    expect(await walk('/1.0/instances?limit=2&filter=config.user.even%20eq%20TRUE')).toEqual([['c1', 'c3'], ['c5']]);
    expect(await walk('/1.0/instances?limit=2&filter=name%20eq%20c%5B12%5D')).toEqual([['c1', 'c2']]);
    expect(await walk('/1.0/instances?filter=name%20eq%20C4')).toEqual([['c4']]);
  });

  it('is one answer to who asks for no page', async () => {
    expect(await walk('/1.0/instances')).toEqual([names]);
  });

  it('refuses cursors and limits that are none', async () => {
    for (const query of ['limit=0', 'limit=many', 'limit=1&after=c1']) expect((await server.client.send({ path: `/1.0/instances?${query}` })).status).toBe(400);
  });
});
