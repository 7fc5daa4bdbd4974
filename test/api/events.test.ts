import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { actions, listen as listenOn, newest as newestOn, type Event, type Listening } from './listening.js';
import { refusal, scenario } from './scenario.js';

const test = scenario();

const page = (query: string): Promise<Event[]> => test.client.get<Event[]>(`/1.0/events?${query}`);
const newest = (): Promise<number> => newestOn(test.client);
const listen = (query: string): Listening => listenOn(test.server, query);

async function profile(name: string, project = 'default'): Promise<void> {
  await test.client.change('POST', `/1.0/profiles?project=${project}`, { name });
  await test.client.change('DELETE', `/1.0/profiles/${name}?project=${project}`);
}

describe('the journal of events', () => {
  it('is replayed from a cursor and followed, each event once and in order', async () => {
    const since = await newest();
    await profile('before');
    const mine = listen(`since=${since}`);
    await mine.open;
    await profile('after');
    await expect.poll(() => actions(mine.events)).toEqual(['profile-created', 'profile-deleted', 'profile-created', 'profile-deleted']);
    const cursors = mine.events.map(({ cursor }) => cursor);
    expect(cursors).toEqual(cursors.map((_, index) => since + 1 + index));
    mine.close();
  });

  it('is read by pages without a websocket', async () => {
    const since = await newest();
    await profile('paged');
    await expect.poll(async () => actions(await page(`since=${since}`))).toEqual(['profile-created', 'profile-deleted']);
    const [first] = await page(`since=${since}`);
    expect(actions(await page(`since=${first!.cursor}`))).toEqual(['profile-deleted']);
    expect(await page(`since=${since}&type=operation`)).toEqual([]);
  });

  it('shows each project its own', async () => {
    await test.client.change('POST', '/1.0/projects', { name: 'other', config: { 'features.profiles': 'true' } });
    const since = await newest();
    await profile('theirs', 'other');
    const theirs = async (query: string): Promise<number> => (await page(`since=${since}&${query}`)).filter(({ metadata }) => metadata.source?.includes('/theirs')).length;
    await expect.poll(() => theirs('project=other')).toBe(2);
    expect([await theirs('project=default'), await theirs('all-projects=true')]).toEqual([0, 2]);
    await test.client.change('DELETE', '/1.0/projects/other');
  });

  it('refuses a cursor that is none, and one it has not reached', async () => {
    expect(refusal(await test.client.json('GET', '/1.0/events?since=x'))).toMatch(/^400 Invalid cursor/);
    expect(refusal(await test.client.json('GET', '/1.0/events?since=999999999999'))).toMatch(/^400 Cursor/);
    await expect(listen('since=x').open).rejects.toThrow('400');
    await expect(listen('since=999999999999').open).rejects.toThrow('400');
  });
});

describe('a reader that does not read', () => {
  it('costs a bounded amount of memory, and others nothing', async () => {
    const since = await newest();
    const idle = connect(test.server.socket);
    idle.write(['GET /1.0/events HTTP/1.1', 'Host: lxd', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''].join('\r\n'));
    idle.pause();
    const reader = listen(`since=${since}`);
    await reader.open;
    for (let round = 0; round < 20; round++) await profile(`many${round}`);
    await expect.poll(() => actions(reader.events).length).toBe(40);
    reader.close();
    idle.destroy();
  });
});
