import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { describe, expect, it } from 'vitest';
import { actions, listen as listenOn, newest as newestOn, type Event, type Listening } from './listening.js';
import { launch, refusal, scenario } from './scenario.js';

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

describe('a listener that does not read', () => {
  it('is let go with 1013 and told where to go on, and misses nothing', async () => {
    await launch(test.client, 'chatty');
    const socket = new WebSocket(`ws+unix://${test.server.socket}:/1.0/events?type=lifecycle`);
    const events: Event[] = [];
    socket.on('message', (data: Buffer) => events.push(JSON.parse(data.toString()) as Event));
    const closed = new Promise<[number, string]>((resolve) => socket.once('close', (code, reason) => resolve([code, reason.toString()])));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.pause();
    const command = ['true', ...Array.from({ length: 8 }, () => 'x'.repeat(100_000))];
    const count = 26;
    for (let index = 0; index < count; index++) await test.client.change('POST', '/1.0/instances/chatty/exec', { command, 'wait-for-websocket': false });
    socket.resume();
    const [code, reason] = await closed;
    expect([code, reason]).toEqual([1013, expect.stringMatching(/^Reading too slowly; resume with since=\d+$/)]);
    const since = Number(/since=(\d+)/.exec(reason)![1]);
    expect(events.at(-1)!.cursor).toBeLessThanOrEqual(since);
    const rest = listen(`since=${since}&type=lifecycle`);
    await expect.poll(() => actions([...events, ...rest.events]).filter((action) => action === 'instance-exec').length, { timeout: 30_000 }).toBe(count);
    rest.close();
    await test.client.change('PUT', '/1.0/instances/chatty/state', { action: 'stop', force: true });
    await test.client.change('DELETE', '/1.0/instances/chatty');
  });
});
