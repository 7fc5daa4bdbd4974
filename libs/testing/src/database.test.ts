import { Connections, Database, isUniqueViolation, openPool, OutboxRelay } from '@asterism/database';
import { LocalEventBus } from '@asterism/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres } from './test-postgres.js';

describe('a transaction', () => {
  let source: Awaited<ReturnType<typeof openPool>>;
  let connections: Connections;
  let database: Database;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const postgres = await startTestPostgres();
    stop = () => postgres.stop();
    source = await openPool({ url: postgres.url });
    connections = new Connections(source);
    database = new Database({ connections, schema: 'public', relay: new OutboxRelay(connections, new LocalEventBus()) });
    await database.query('CREATE TABLE things (name text PRIMARY KEY)');
  }, 60_000);

  afterAll(async () => {
    connections.close();
    await source.destroy();
    await stop();
  });

  const names = async (): Promise<string[]> => (await database.query<{ name: string }>('SELECT name FROM things ORDER BY name')).map((row) => row.name);

  it('commits what was asked for and what was only sent', async () => {
    await database.transact(async (unit) => {
      unit.run('INSERT INTO things VALUES ($1)', ['a']);
      await unit.query('INSERT INTO things VALUES ($1)', ['b']);
    });
    expect(await names()).toEqual(['a', 'b']);
  });

  it('fails with what a statement failed with that nobody waited for, and keeps nothing', async () => {
    const failing = database.transact(async (unit) => {
      unit.run('INSERT INTO things VALUES ($1)', ['c']);
      unit.run('INSERT INTO things VALUES ($1)', ['a']);
    });
    await expect(failing).rejects.toSatisfy((error) => isUniqueViolation(error));
    expect(await names()).toEqual(['a', 'b']);
  });

  it('names the first failure, not that the transaction is aborted', async () => {
    const failing = database.transact(async (unit) => {
      unit.run('INSERT INTO things VALUES ($1)', ['a']);
      await unit.query('INSERT INTO things VALUES ($1)', ['d']);
    });
    await expect(failing).rejects.toSatisfy((error) => isUniqueViolation(error));
    expect(await names()).toEqual(['a', 'b']);
  });

  it('takes everything back when the work throws', async () => {
    const failing = database.transact(async (unit) => {
      unit.run('INSERT INTO things VALUES ($1)', ['e']);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await names()).toEqual(['a', 'b']);
  });

  it('does not commit when a failure was swallowed', async () => {
    const failing = database.transact(async (unit) => {
      unit.run('INSERT INTO things VALUES ($1)', ['f']);
      await unit.query('INSERT INTO things VALUES ($1)', ['a']).catch(() => undefined);
    });
    await expect(failing).rejects.toSatisfy((error) => isUniqueViolation(error));
    expect(await names()).toEqual(['a', 'b']);
  });

  it('goes on with new connections where a statement was prepared for a table that has changed since', async () => {
    const read = (): Promise<object[]> => database.query('SELECT * FROM things ORDER BY name');
    const locked = (): Promise<object[]> => database.transact((unit) => unit.query('SELECT * FROM things ORDER BY name FOR UPDATE'));
    await Promise.all([read(), read(), read(), locked()]);
    await source.query('ALTER TABLE things ADD COLUMN colour text');
    expect(await Promise.all([read(), read(), read()])).toEqual([1, 2, 3].map(() => [{ name: 'a', colour: null }, { name: 'b', colour: null }]));
    expect(await locked()).toEqual([{ name: 'a', colour: null }, { name: 'b', colour: null }]);
  });

  it('goes on after its connections were lost', async () => {
    await source.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = $1', ['client backend']);
    await expect.poll(() => names().catch(() => []), { timeout: 5_000 }).toEqual(['a', 'b']);
    await database.transact(async (unit) => unit.run('INSERT INTO things VALUES ($1)', ['g']));
    expect(await names()).toEqual(['a', 'b', 'g']);
  });
});
