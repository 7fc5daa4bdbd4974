import { idempotency as keysProto, operations, type Idempotency, type Operations } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Housekeeping } from './housekeeping.js';
import { operationsService } from './index.js';
import { RetentionConfig } from './retention.js';

let test: TestComposition;
let handler: Operations;

beforeAll(async () => {
  vi.spyOn(RetentionConfig.prototype, 'read').mockResolvedValue({ operationDays: 7, operationDaysOf: { brief: 1, lasting: 30 }, eventDays: 7, keyHours: 24 });
  test = await composeForTest([operationsService]);
  handler = test.handler<Operations>(operations.OperationsDefinition);
});
afterAll(async () => {
  await test.close();
  vi.restoreAllMocks();
});

const call = systemCall();
const query = (sql: string, values: unknown[]): Promise<unknown> => test.runtime.database!.query(sql, values);

async function sweep(): Promise<void> {
  const housekeeping = test.composition.app.get(Housekeeping, { strict: false });
  housekeeping.stop();
  await housekeeping.start({ isAlone: false });
}

async function endedBefore(days: number, project: string): Promise<string> {
  const id = randomUUID();
  await handler.open(call, { id, class: operations.OperationClass.TASK, description: 'Creating instance', project, resources: {}, metadata: Buffer.alloc(0), may_cancel: false, owner: 'instances', location: '' });
  await handler.close(call, { id, status_code: 200, error: '', metadata: Buffer.alloc(0), steps: Buffer.alloc(0) });
  await query('UPDATE operations.operations SET finished_at = now() - make_interval(days => $2) WHERE id = $1', [id, days]);
  return id;
}

const isKept = (id: string): Promise<boolean> => handler.get(call, { id, secret: '', visible_projects: [] }).then(() => true, () => false);

describe('what is kept for a time', () => {
  it('are operations, as long as their project or else the server says', async () => {
    const kept = [await endedBefore(6, 'default'), await endedBefore(29, 'lasting')];
    const gone = [await endedBefore(8, 'default'), await endedBefore(2, 'brief')];
    await sweep();
    expect(await Promise.all(kept.map(isKept))).toEqual([true, true]);
    expect(await Promise.all(gone.map(isKept))).toEqual([false, false]);
  });

  it('are events: a cursor that is older is answered with the oldest there is', async () => {
    const { cursor: old } = await handler.locate(call, {});
    await endedBefore(0, 'default');
    await query(`UPDATE operations.journal SET at = now() - interval '8 days' WHERE cursor <= $1`, [old! + 1]);
    await sweep();
    await expect(handler.locate(call, { cursor: old })).rejects.toMatchObject({ kind: 'gone', message: `Events after cursor ${old} are gone: the oldest cursor available is ${old! + 1}` });
  });

  it('are the keys of requests: one that is older begins anew', async () => {
    const keys = test.handler<Idempotency>(keysProto.IdempotencyDefinition);
    const keyed = { requestor: 'unix:root', key: 'k', digest: 'd', body_digest: 'b', when_cut_off: keysProto.WhenCutOff.RUN_AGAIN, gateway: 'g', process: 'p', under_way: [] };
    const { claim } = await keys.claim(call, keyed);
    await keys.keep(call, { claim, process: 'p', answer: { status: 200, headers: {}, body: Buffer.from('{}'), body_digest: 'b' } });
    await sweep();
    expect((await keys.claim(call, keyed)).answer).toMatchObject({ status: 200 });
    await query(`UPDATE operations.idempotency_keys SET created_at = now() - interval '25 hours' WHERE claim = $1`, [claim]);
    await sweep();
    expect((await keys.claim(call, { ...keyed, body_digest: 'other' })).answer).toBeUndefined();
  });
});
