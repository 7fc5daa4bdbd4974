import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle, type EventOf } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { defineService } from '@asterism/service';
import { defineTask, type Tasks } from '@asterism/tasks';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { composeForTest, type TestComposition } from './compose-for-test.js';

const bench = defineService({ name: 'bench', providers: [], handlers: [], migrations: [{ name: '001-things', sql: 'CREATE TABLE bench.things (name text PRIMARY KEY)' }] });

let test: TestComposition;
let tasks: Tasks;
let log: string[] = [];
let failAt = '';

const build = defineTask<{ name: string }, { made?: boolean }>({
  kind: 'bench.build',
  steps: [
    {
      name: 'dig',
      run: async ({ state }) => {
        log.push('dig');
        state.made = true;
      },
      undo: async () => void log.push('fill'),
    },
    {
      name: 'raise',
      run: async ({ state }) => {
        log.push(state.made ? 'raise' : 'raise without digging');
        if (failAt === 'raise') throw new LxdError('conflict', 'walls fell');
        if (failAt === 'absent') {
          failAt = '';
          throw new LxdError('unavailable', 'nobody there');
        }
      },
      undo: async () => void log.push('tear down'),
    },
  ],
  conclude: async (unit, { input, result }) => {
    await unit.query('INSERT INTO bench.things (name) VALUES ($1)', [input.name]);
    result({ built: input.name });
  },
  abandon: async (_unit, _context, error) => void log.push(`abandoned: ${error.message}`),
});

const operation = { description: 'Building', project: 'default', resources: {} };

beforeAll(async () => {
  test = await composeForTest([bench]);
  tasks = test.composition.tasks.get('bench')!;
  tasks.register(build);
});
afterAll(() => test.close());
beforeEach(() => {
  log = [];
  failAt = '';
  test.events.length = 0;
});

/** Ends of operations without the times of their steps. */
function closings(): Omit<EventOf<'operation.closed'>['payload'], 'steps'>[] {
  return ends().map(({ steps: _steps, ...rest }) => rest);
}

function ends(): EventOf<'operation.closed'>['payload'][] {
  return test.events.flatMap((seen) => (seen.kind === 'operation.closed' ? [seen.payload] : []));
}

async function names(): Promise<string[]> {
  const rows = await test.runtime.database!.query('SELECT name FROM bench.things ORDER BY name');
  return (rows as { name: string }[]).map((row) => row.name);
}

describe('a durable task', () => {
  it('runs its steps in order and commits its end with the rows', async () => {
    const answer = await tasks.open(systemCall(), build, { input: { name: 'a' }, operation });
    await test.settle();
    expect(log).toEqual(['dig', 'raise']);
    expect(await names()).toContain('a');
    expect(closings()).toEqual([{ id: answer.id, status_code: 200, error: '', metadata: { built: 'a' } }]);
  });

  it('is undone in reverse when a step fails, the failed step too', async () => {
    failAt = 'raise';
    await tasks.open(systemCall(), build, { input: { name: 'b' }, operation });
    await test.settle();
    expect(log).toEqual(['dig', 'raise', 'tear down', 'fill', 'abandoned: walls fell']);
    expect(closings()[0]).toMatchObject({ status_code: 400, error: 'walls fell' });
    expect(await names()).not.toContain('b');
  });

  it('says when each step ran, and what was undone', async () => {
    failAt = 'raise';
    await tasks.open(systemCall(), build, { input: { name: 'timed' }, operation });
    await test.settle();
    const time = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    const times = { started_at: time, finished_at: time };
    expect(ends()[0]!.steps).toEqual([
      { name: 'dig', ...times },
      { name: 'raise', ...times, error: 'walls fell' },
      { name: 'raise', undo: true, ...times },
      { name: 'dig', undo: true, ...times },
    ]);
  });

  it('tries a step again when somebody was away for a moment', async () => {
    failAt = 'absent';
    await tasks.open(systemCall(), build, { input: { name: 'c' }, operation });
    await test.settle();
    expect(log).toEqual(['dig', 'raise', 'raise']);
    expect(closings()[0]).toMatchObject({ status_code: 200 });
  });

  it('leaves no operation behind when it was not accepted', async () => {
    const before = test.operations.opened.length;
    const refused = tasks.open(systemCall(), build, { input: { name: 'd' }, operation }, async () => {
      throw new LxdError('conflict', 'taken');
    });
    await expect(refused).rejects.toThrow('taken');
    expect(test.operations.opened).toHaveLength(before);
    expect(log).toEqual([]);
  });

  it('is undone when its conclusion cannot be committed', async () => {
    await tasks.open(systemCall(), build, { input: { name: 'a' }, operation });
    await test.settle();
    expect(log.slice(-3, -1)).toEqual(['tear down', 'fill']);
    expect(closings()[0]).toMatchObject({ status_code: 400 });
  });
});

describe('a task that is begun at once', () => {
  let finish: (() => void) | undefined;
  let failure: Error | undefined;
  const watch = defineTask<object, object>({
    kind: 'bench.watch',
    steps: [
      {
        name: 'look',
        run: async ({ result }) => {
          if (finish) await new Promise<void>((resolve) => (finish = resolve));
          if (failure) throw failure;
          result({ seen: true });
        },
      },
    ],
  });
  const event = lifecycle({ action: 'bench-watched', source: '/1.0/bench', project: 'default' });
  const rows = async (): Promise<number> => (await test.runtime.database!.query('SELECT 1 FROM bench.tasks')).length;
  const follow = (start: () => Promise<unknown> = async () => undefined): Promise<{ id: string }> =>
    tasks.follow(systemCall(), watch, { id: randomUUID(), input: {}, operation, event }, start);

  beforeEach(() => {
    [finish, failure] = [undefined, undefined];
  });

  it('opens its operation with its event and ends it without a row', async () => {
    const answer = await follow();
    await test.settle();
    expect(test.operations.opened.at(-1)).toMatchObject({ id: answer.id, event: Buffer.from(JSON.stringify(event)) });
    expect(test.operations.closed.at(-1)).toMatchObject({ id: answer.id, status_code: 200 });
    expect(await rows()).toBe(0);
  });

  it('has a row once it goes on', async () => {
    finish = () => undefined;
    await follow();
    await expect.poll(rows).toBe(1);
    finish();
    await test.settle();
    expect(await rows()).toBe(0);
  });

  it('fails in its operation like any other', async () => {
    failure = new LxdError('bad-request', 'nothing to see');
    const { id } = await follow();
    await test.settle();
    expect(closings()).toEqual([{ id, status_code: 400, error: 'nothing to see', metadata: {} }]);
    expect(await rows()).toBe(0);
  });

  it('leaves no operation behind when it cannot be begun', async () => {
    const before = test.operations.opened.length;
    await expect(follow(async () => Promise.reject(new LxdError('bad-request', 'Instance is not running')))).rejects.toThrow('not running');
    expect(test.operations.opened).toHaveLength(before);
  });
});

describe('a task whose process died', () => {
  async function leave(row: { phase: string; cursor: number; state: string; error?: string; owner?: string; leaseSeconds?: number }): Promise<string> {
    const id = randomUUID();
    await test.runtime.database!.query(
      `INSERT INTO bench.tasks (id, kind, call, input, state, cursor, phase, error, error_kind, lease_owner, lease_until)
       VALUES ($1, 'bench.build', '{"requestId":"r"}', $2, $3, $4, $5, $6, 'internal', $7, now() + make_interval(secs => $8))`,
      [id, JSON.stringify({ name: id }), row.state, row.cursor, row.phase, row.error ?? null, row.owner ?? 'bench@dead', row.leaseSeconds ?? -1],
    );
    return id;
  }

  it('goes on at its cursor with its saved state', async () => {
    const id = await leave({ phase: 'run', cursor: 1, state: '{"made":true}' });
    await tasks.resume();
    await test.settle();
    expect(log).toEqual(['raise']);
    expect(closings()).toEqual([{ id, status_code: 200, error: '', metadata: { built: id } }]);
  });

  it('goes on undoing', async () => {
    const id = await leave({ phase: 'undo', cursor: 0, state: '{}', error: 'broken before' });
    await tasks.resume();
    await test.settle();
    expect(log).toEqual(['fill', 'abandoned: broken before']);
    expect(closings()).toEqual([{ id, status_code: 400, error: 'broken before', metadata: {} }]);
  });

  it('and had accepted nothing has ended as interrupted when the process is back, and nothing else has', async () => {
    const [accepting, unknown] = [Promise.withResolvers<void>(), randomUUID()];
    const opened = tasks.open(systemCall(), build, { input: { name: 'slow' }, operation }, () => accepting.promise);
    await vi.waitFor(() => expect(test.operations.opened.at(-1)).toMatchObject({ runner: 'bench@test' }));
    test.operations.left = [unknown, test.operations.opened.at(-1)!.id];
    await tasks.resume();
    await vi.waitFor(() => expect(test.operations.interrupted).toEqual([unknown]), 20_000);
    accepting.resolve();
    await opened;
    test.operations.left = [];
    await test.settle();
    await tasks.resume();
  });

  it('is left alone while its lease holds', async () => {
    const id = await leave({ phase: 'run', cursor: 0, state: '{}', leaseSeconds: 60 });
    await tasks.resume();
    await test.settle();
    expect(log).toEqual([]);
    await test.runtime.database!.query('DELETE FROM bench.tasks WHERE id = $1', [id]);
  });
});

describe('a task that is enlisted', () => {
  const database = (): Database => new Database({ connections: test.runtime.connections!, schema: 'bench', relay: test.runtime.relay! });

  it('begins with the commit', async () => {
    await database().transact((unit) => tasks.enlist(unit, systemCall(), build, { name: 'enlisted' }));
    await test.settle();
    expect(await names()).toContain('enlisted');
  });

  it('is not there where nothing was committed', async () => {
    const rolledBack = database().transact((unit) => {
      tasks.enlist(unit, systemCall(), build, { name: 'never' });
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    await test.settle();
    expect(log).toEqual([]);
  });
});

describe('a task that was disowned', () => {
  it('is never accepted, and its operation goes', async () => {
    const id = randomUUID();
    expect(await tasks.disown(systemCall(), { id, claim: '' })).toMatchObject({ known: false });
    expect(await tasks.has(systemCall(), { id, claim: '' })).toMatchObject({ known: false });
    await expect(tasks.open(systemCall(), build, { id, input: { name: 'late' }, operation })).rejects.toMatchObject({ kind: 'unavailable' });
    expect(log).toEqual([]);
    expect(test.operations.opened.some((opened) => opened.id === id)).toBe(false);
  });

  it('goes on where it was accepted before', async () => {
    const id = randomUUID();
    await tasks.open(systemCall(), build, { id, input: { name: 'early' }, operation });
    expect(await tasks.disown(systemCall(), { id, claim: '' })).toMatchObject({ known: true });
    await test.settle();
    expect(await names()).toContain('early');
  });
});

describe('events of a transaction', () => {
  it('are not published when it rolls back', async () => {
    const database = new Database({ connections: test.runtime.connections!, schema: 'bench', relay: test.runtime.relay! });
    const failing = database.transact(async (unit) => {
      unit.emit({ id: randomUUID(), kind: 'logging', at: 0, payload: { message: 'never', level: 'info' } });
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await test.settle();
    expect(test.events).toEqual([]);
  });

  it('leave the outbox once they were taken', async () => {
    const database = new Database({ connections: test.runtime.connections!, schema: 'bench', relay: test.runtime.relay! });
    await database.transact(async (unit) => unit.emit({ id: randomUUID(), kind: 'logging', at: 0, payload: { message: 'once', level: 'info' } }));
    await test.settle();
    expect(test.events).toHaveLength(1);
    expect(await database.query('SELECT 1 FROM bench.outbox')).toEqual([]);
  });
});
