import { Database } from '@asterism/database';
import { event, lifecycle } from '@asterism/events';
import { operations, type Operations } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { randomUUID } from 'node:crypto';
import { TaskOwners } from '@asterism/service';
import { LxdError } from '@asterism/errors';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { operationsService } from './index.js';

let test: TestComposition;
let handler: Operations;

beforeAll(async () => {
  test = await composeForTest([operationsService]);
  handler = test.handler<Operations>(operations.OperationsDefinition);
});
afterAll(() => test.close());

function opening(id: string): operations.OpenOperation {
  return {
    id,
    class: operations.OperationClass.TASK,
    description: 'Creating instance',
    project: 'default',
    resources: { instances: { urls: ['/1.0/instances/c1'] } },
    metadata: Buffer.alloc(0),
    may_cancel: false,
    owner: 'instances',
    location: '',
  };
}

const text = (json: Uint8Array): Record<string, unknown> => JSON.parse(Buffer.from(json).toString()) as Record<string, unknown>;

describe('the record of an operation', () => {
  it('is running once opened, and listed under its status', async () => {
    const id = randomUUID();
    const answer = await handler.open(systemCall(), opening(id));
    expect(text(answer.json)).toMatchObject({ id, status: 'Running', status_code: 103, metadata: null, err: '' });
    const list = await handler.list(systemCall(), { project: 'default', all_projects: false, recursion: 0, visible_projects: [] });
    expect(text(list.json)['running']).toContain(`/1.0/operations/${id}`);
  });

  it('answers waiters when the event of its end arrives, with the result merged into the metadata', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), opening(id));
    const waiting = handler.wait(systemCall(), { id, timeout_s: 20, secret: '', visible_projects: [] });
    await test.runtime.bus.publish(event('operation.closed', { id, status_code: 200, error: '', metadata: { fingerprint: 'ab' } }));
    expect(text((await waiting).json)).toMatchObject({ status: 'Success', metadata: { fingerprint: 'ab' } });
  });

  it('answers a wait whose time is over with the operation as it stands', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), opening(id));
    expect(text((await handler.wait(systemCall(), { id, timeout_s: 0, secret: '', visible_projects: [] })).json)).toMatchObject({ status: 'Running' });
  });

  it('ends once: a late second end changes nothing', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), opening(id));
    const close = { id, status_code: 400, error: 'no', metadata: Buffer.alloc(0), steps: Buffer.alloc(0) };
    await handler.close(systemCall(), close);
    await handler.close(systemCall(), { ...close, status_code: 200, error: '' });
    expect(text((await handler.get(systemCall(), { id, secret: '', visible_projects: [] })).json)).toMatchObject({ status: 'Failure', err: 'no' });
  });

  it('keeps what another replica added before its end', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), opening(id));
    await test.runtime.database!.query(`UPDATE operations.operations SET metadata = '{"progress": "50%"}', updated_at = clock_timestamp() WHERE id = $1`, [id]);
    await handler.close(systemCall(), { id, status_code: 200, error: '', metadata: Buffer.from('{"fingerprint":"ab"}'), steps: Buffer.alloc(0) });
    expect(text((await handler.get(systemCall(), { id, secret: '', visible_projects: [] })).json)).toMatchObject({ status: 'Success', metadata: { progress: '50%', fingerprint: 'ab' } });
  });

  it('knows of an end that another replica wrote, and tells those who wait', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), opening(id));
    const waiting = handler.wait(systemCall(), { id, timeout_s: 20, secret: '', visible_projects: [] });
    await test.runtime.database!.query(`UPDATE operations.operations SET status_code = 400, err = 'elsewhere', updated_at = clock_timestamp(), finished_at = clock_timestamp() WHERE id = $1`, [id]);
    const json = JSON.stringify({ type: 'operation', metadata: { id, status_code: 400 } });
    await test.runtime.bus.publish(event('journal.appended', { cursor: 0, entries: [{ cursor: 0, type: 'operation', project: 'default', json }] }));
    expect(text((await waiting).json)).toMatchObject({ status: 'Failure', err: 'elsewhere' });
    expect(text((await handler.wait(systemCall(), { id, timeout_s: 20, secret: '', visible_projects: [] })).json)).toMatchObject({ status: 'Failure' });
  });

  it('refuses to cancel what cannot be cancelled, and does not know strangers', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), opening(id));
    await expect(handler.cancel(systemCall(), { id, secret: '', visible_projects: [] })).rejects.toThrow("This operation can't be cancelled");
    await expect(handler.get(systemCall(), { id: 'bogus', secret: '', visible_projects: [] })).rejects.toThrow('Operation not found');
  });

  it('keeps what belongs to no project from callers bound to projects', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), { ...opening(id), project: '', metadata: Buffer.from('{"secret":"s3cret"}') });
    const bound = { visible_projects: ['default'] };
    await expect(handler.get(systemCall(), { id, secret: '', ...bound })).rejects.toThrow('Operation not found');
    await expect(handler.cancel(systemCall(), { id, secret: '', ...bound })).rejects.toThrow('Operation not found');
    const list = await handler.list(systemCall(), { project: 'default', all_projects: false, recursion: 1, ...bound });
    expect(list.json.toString()).not.toContain('s3cret');
  });

  it('lets strangers wait with the secret of the operation only', async () => {
    const id = randomUUID();
    await handler.open(systemCall(), { ...opening(id), metadata: Buffer.from('{"secret":"s3cret"}') });
    const wait = { id, timeout_s: 0, visible_projects: [] };
    expect(text((await handler.wait(systemCall(), { ...wait, secret: 's3cret' })).json)).toMatchObject({ id });
    await expect(handler.wait(systemCall(), { ...wait, secret: 'guess' })).rejects.toThrow('not authorized');
  });
});

describe('what is kept of an operation', () => {
  const call = { ...systemCall(), requestor: { username: 'root', protocol: 'unix', address: '@' }, traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
  const ref = (id: string) => ({ id, secret: '', visible_projects: [] });

  it('is more than LXD shows: who asked, in which trace, and when its steps ran', async () => {
    const id = randomUUID();
    await handler.open(call, opening(id));
    const steps = [{ name: 'root volume', started_at: '2026-01-01T00:00:00Z', finished_at: '2026-01-01T00:00:01Z' }];
    await test.runtime.bus.publish(event('operation.closed', { id, status_code: 200, error: '', steps }));
    const record = text((await handler.getRecord(systemCall(), ref(id))).json);
    expect(record).toMatchObject({ requestor: call.requestor, request_id: call.requestId, trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', steps, cancel_requested: false });
    expect(Object.keys(text((await handler.get(systemCall(), ref(id))).json))).not.toContain('steps');
  });

  it('is listed on request, also long after its end', async () => {
    const id = randomUUID();
    await handler.open(call, { ...opening(id), project: 'old' });
    await handler.close(systemCall(), { id, status_code: 200, error: '', metadata: Buffer.alloc(0), steps: Buffer.alloc(0) });
    await test.runtime.database!.query(`UPDATE operations.operations SET finished_at = now() - interval '1 hour' WHERE id = $1`, [id]);
    const listed = async (since?: number) => text((await handler.list(systemCall(), { project: 'old', all_projects: false, recursion: 1, visible_projects: [], ...(since === undefined ? {} : { ended_since_ms: since }) })).json);
    expect(await listed()).not.toHaveProperty('success');
    expect(await listed(Date.now() - 60_000)).not.toHaveProperty('success');
    expect(await listed(0)).toMatchObject({ success: [{ id, trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' }] });
  });
});

describe('cancelling', () => {
  it('is written down before the owner is told, who is told again when it was away', async () => {
    const told: string[] = [];
    let away = true;
    vi.spyOn(TaskOwners.prototype, 'of').mockReturnValue({
      has: async () => ({ known: true, steps: Buffer.from('[]') }),
      disown: async () => ({ known: true, steps: Buffer.from('[]') }),
      cancel: async (_call, { id }) => {
        if (away) throw new LxdError('unavailable', 'away');
        told.push(id);
        return {};
      },
    });
    const id = randomUUID();
    await handler.open(systemCall(), { ...opening(id), may_cancel: true });
    await handler.cancel(systemCall(), { id, secret: '', visible_projects: [] });
    expect(text((await handler.getRecord(systemCall(), { id, secret: '', visible_projects: [] })).json)).toMatchObject({ status: 'Cancelling', cancel_requested: true });
    away = false;
    await expect.poll(() => told, { timeout: 10_000 }).toEqual([id]);
    await handler.close(systemCall(), { id, status_code: 401, error: '', metadata: Buffer.alloc(0), steps: Buffer.alloc(0) });
    vi.restoreAllMocks();
  });
});

describe('the journal', () => {
  it('gives gap-free cursors in order, and each event once however often it is delivered', async () => {
    const created = lifecycle({ action: 'instance-created', source: '/1.0/instances/j1', project: 'default' });
    await Promise.all([...Array(20).keys()].map(() => handler.open(systemCall(), opening(randomUUID()))));
    await test.runtime.bus.publish(created);
    await test.runtime.bus.publish(created);
    const abort = new AbortController();
    const seen: operations.JournalEntry[] = [];
    for await (const entry of handler.follow({ ...systemCall(), signal: abort.signal }, everything(0))) {
      seen.push(entry);
      if (text(entry.json)['metadata'] && (text(entry.json)['metadata'] as { source?: string }).source === '/1.0/instances/j1') break;
    }
    abort.abort();
    expect(seen.map((entry) => entry.cursor)).toEqual(seen.map((_, index) => index + 1));
    const rows = await new Counting(test).lifecycles('/1.0/instances/j1');
    expect(rows).toBe(1);
  });

  it('reaches a follower that listens from now on', async () => {
    const abort = new AbortController();
    const follower = handler.follow({ ...systemCall(), signal: abort.signal }, { types: ['lifecycle'], projects: ['p2'], of_no_project: false })[Symbol.asyncIterator]();
    const next = follower.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await test.runtime.bus.publish(lifecycle({ action: 'instance-deleted', source: '/1.0/instances/x', project: 'other' }));
    await test.runtime.bus.publish(lifecycle({ action: 'instance-started', source: '/1.0/instances/y?project=p2', project: 'p2' }));
    const entry = (await next).value as operations.JournalEntry;
    expect(text(entry.json)).toMatchObject({ type: 'lifecycle', project: 'p2', metadata: { action: 'instance-started' } });
    abort.abort();
    await follower.return?.();
  });

  it('writes the cursor into each event, and answers what follows one as a page', async () => {
    const newest = (await handler.locate(systemCall(), {})).cursor!;
    await handler.open(systemCall(), opening(randomUUID()));
    const page = JSON.parse((await handler.read(systemCall(), { wish: everything(newest), limit: 1 })).json.toString()) as { cursor: number }[];
    expect(page.map(({ cursor }) => cursor)).toEqual([newest + 1]);
    const none = await handler.read(systemCall(), { wish: { ...everything(newest), types: ['lifecycle'] }, limit: 1 });
    expect(none.json.toString()).toBe('[]');
  });

  it('keeps entries of no project from those who may not see them', async () => {
    const newest = (await handler.locate(systemCall(), {})).cursor!;
    await handler.open(systemCall(), { ...opening(randomUUID()), project: '' });
    const read = async (of_no_project: boolean) => JSON.parse((await handler.read(systemCall(), { wish: { ...everything(newest), of_no_project }, limit: 9 })).json.toString()) as unknown[];
    expect([(await read(true)).length, (await read(false)).length]).toEqual([2, 0]);
  });

  it('loses nothing for a reader that reads nothing while much happens', async () => {
    const since = (await handler.locate(systemCall(), {})).cursor!;
    const abort = new AbortController();
    const follower = handler.follow({ ...systemCall(), signal: abort.signal }, everything(since))[Symbol.asyncIterator]();
    const first = follower.next();
    const rounds = 1500;
    await Promise.all(Array.from({ length: rounds }, () => handler.open(systemCall(), opening(randomUUID()))));
    const cursors = [((await first).value as operations.JournalEntry).cursor];
    while (cursors.length < 2 * rounds) cursors.push(((await follower.next()).value as operations.JournalEntry).cursor);
    expect(cursors).toEqual(cursors.map((_, index) => since + 1 + index));
    abort.abort();
    await follower.return?.();
  });

  it('refuses a cursor that is not kept, with the oldest that is, and one that lies ahead', async () => {
    const { cursor } = await handler.locate(systemCall(), {});
    await test.runtime.database!.query(`DELETE FROM operations.journal WHERE cursor <= 10`);
    await expect(handler.locate(systemCall(), { cursor: 9 })).rejects.toMatchObject({ kind: 'gone', message: 'Events after cursor 9 are gone: the oldest cursor available is 10' });
    expect(await handler.locate(systemCall(), { cursor: 10 })).toEqual({ cursor: 10 });
    await expect(handler.locate(systemCall(), { cursor: cursor! + 1 })).rejects.toMatchObject({ kind: 'bad-request' });
    await test.runtime.database!.query(`DELETE FROM operations.journal`);
    await expect(handler.read(systemCall(), { wish: everything(cursor! - 1), limit: 5 })).rejects.toMatchObject({ kind: 'gone' });
    expect(await handler.locate(systemCall(), { cursor })).toEqual({ cursor });
  });
});

function everything(since: number): operations.FollowJournal {
  return { since, types: [], projects: [], of_no_project: true };
}

class Counting {
  constructor(private readonly composition: TestComposition) {}

  async lifecycles(source: string): Promise<number> {
    const database = new Database({ connections: this.composition.runtime.connections!, schema: 'operations', relay: this.composition.runtime.relay! });
    return (await database.query(`SELECT 1 FROM operations.journal WHERE json LIKE $1`, [`%${source}"%`])).length;
  }
}
