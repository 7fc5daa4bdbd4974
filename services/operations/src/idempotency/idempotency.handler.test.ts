import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { idempotency as proto, operations, type Idempotency, type Operations, type taskOwner } from '@asterism/proto';
import { onBehalfOf, systemCall, type Service } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TaskOwners } from '@asterism/service';
import { operationsService } from '../index.js';

let test: TestComposition;
let keys: Idempotency;
let record: Operations;
const owned = new Set<string>();
const owner: Service<typeof taskOwner.TaskOwnerDefinition> = {
  has: async (_call, { id, claim }) => ({ known: owned.has(id || claim), steps: Buffer.from('[]') }),
  disown: async (call, ref) => owner.has(call, ref),
  cancel: async () => ({}),
};

beforeAll(async () => {
  vi.spyOn(TaskOwners.prototype, 'of').mockImplementation(() => owner);
  test = await composeForTest([operationsService]);
  keys = test.handler<Idempotency>(proto.IdempotencyDefinition);
  record = test.handler<Operations>(operations.OperationsDefinition);
});
afterAll(async () => {
  await test.close();
  vi.restoreAllMocks();
});

function keyed(key: string, changes: Partial<proto.KeyedRequest> = {}): proto.KeyedRequest {
  return { requestor: 'unix:root', key, digest: 'd', body_digest: 'b', when_cut_off: proto.WhenCutOff.RUN_AGAIN, gateway: 'g', process: 'p1', under_way: [], ...changes };
}

const answer = { status: 202, headers: { location: '/1.0/operations/x' }, body: Buffer.from('{}'), body_digest: 'b' };

/** As if the gateway had been killed some time ago. */
async function cutOff(claim: string): Promise<void> {
  await test.runtime.database!.query(`UPDATE operations.idempotency_keys SET renewed_at = now() - interval '1 minute' WHERE claim = $1`, [claim]);
}

async function opened(claim: string): Promise<string> {
  const id = randomUUID();
  const opening = { id, class: 0, description: 'Creating instance', project: 'default', resources: {}, metadata: Buffer.alloc(0), may_cancel: false, owner: 'instances', location: '' };
  await record.open({ ...systemCall(), claim }, opening);
  await test.runtime.database!.query(`UPDATE operations.operations SET created_at = now() - interval '1 minute' WHERE id = $1`, [id]);
  return id;
}

describe('a key', () => {
  it('is answered with what the first call was answered', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('again'));
    await keys.keep(systemCall(), { claim, process: 'p1', answer });
    expect(await keys.claim(systemCall(), keyed('again', { process: 'p2', gateway: 'other' }))).toMatchObject({ claim, answer: { status: 202, headers: answer.headers } });
  });

  it('is refused for another body or another request', async () => {
    await keys.claim(systemCall(), keyed('other'));
    await expect(keys.claim(systemCall(), keyed('other', { body_digest: 'c' }))).rejects.toMatchObject({ kind: 'unprocessable' });
    await expect(keys.claim(systemCall(), keyed('other', { digest: 'e' }))).rejects.toMatchObject({ kind: 'unprocessable' });
  });

  it("is another key when somebody else's", async () => {
    const { claim } = await keys.claim(systemCall(), keyed('shared'));
    expect((await keys.claim(systemCall(), keyed('shared', { requestor: 'tls:f' }))).claim).not.toBe(claim);
  });

  it('waits for the first call', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('waits'));
    const second = keys.claim(systemCall(), keyed('waits'));
    await keys.keep(systemCall(), { claim, process: 'p1', answer });
    expect((await second).answer?.status).toBe(202);
  });

  it('is free again when the call was refused before its body was known', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('freed', { body_digest: '' }));
    await keys.free(systemCall(), { claim, process: 'p1' });
    expect((await keys.claim(systemCall(), keyed('freed', { digest: 'e' }))).claim).not.toBe(claim);
  });
});

describe('a call that was cut off', () => {
  it('runs again where nothing was accepted, once', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('nothing'));
    await cutOff(claim);
    const signal = AbortSignal.abort();
    const both = await Promise.allSettled([2, 3].map((n) => keys.claim(systemCall({ signal }), keyed('nothing', { process: `p${n}` }))));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const anew = both.find((one) => one.status === 'fulfilled')!.value;
    expect(anew.effects).toEqual([]);
    expect(anew.claim).not.toBe(claim);
  });

  it('opens nothing any more once it runs again', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('late'));
    await cutOff(claim);
    const anew = await keys.claim(systemCall(), keyed('late', { process: 'p2' }));
    await expect(opened(claim)).rejects.toMatchObject({ kind: 'conflict' });
    const id = await opened(anew.claim);
    owned.add(id);
    await cutOff(anew.claim);
    expect((await keys.claim(systemCall(), keyed('late', { process: 'p3' }))).operation?.id).toBe(id);
  });

  it('is not one whose lease a clock that was set has ended', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('stepped'));
    await test.runtime.database!.query(`UPDATE operations.idempotency_keys SET lease_until = now() - interval '3 hours' WHERE claim = $1`, [claim]);
    await expect(keys.claim(systemCall({ signal: AbortSignal.abort() }), keyed('stepped', { under_way: [claim] }))).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('is answered with the operation that it opened', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('operation'));
    const id = await opened(claim);
    owned.add(id);
    await cutOff(claim);
    expect((await keys.claim(systemCall(), keyed('operation', { process: 'p2' }))).operation?.id).toBe(id);
  });

  it('runs again where the work of its operation was never accepted, and the operation is gone', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('unaccepted'));
    const id = await opened(claim);
    await cutOff(claim);
    const anew = await keys.claim(systemCall(), keyed('unaccepted', { process: 'p2' }));
    expect([anew.operation, anew.effects, anew.claim === claim]).toEqual([undefined, [], false]);
    await expect(record.get(systemCall(), { id, secret: '', visible_projects: [] })).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('runs again where its operation was ended before its work was accepted', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('swept'));
    await record.interrupt(systemCall(), { ids: [await opened(claim)] });
    await cutOff(claim);
    const anew = await keys.claim(systemCall(), keyed('swept', { process: 'p2' }));
    expect([anew.operation, anew.effects, anew.claim === claim]).toEqual([undefined, [], false]);
  });

  it('does not run again where something may have begun: its operation has failed', async () => {
    const request = keyed('command', { when_cut_off: proto.WhenCutOff.RUN_AGAIN_UNLESS_OPENED });
    const { claim } = await keys.claim(systemCall(), request);
    const id = await opened(claim);
    await cutOff(claim);
    const { operation } = await keys.claim(systemCall(), { ...request, process: 'p2' });
    expect(JSON.parse(operation!.json.toString())).toMatchObject({ id, status: 'Failure', err: 'Operation was interrupted' });
  });

  it('is answered with what it did', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('effect'));
    const created = onBehalfOf({ requestId: 'r', claim }, () => lifecycle({ action: 'profile-created', source: '/1.0/profiles/p', project: 'default' }));
    await test.runtime.bus.publish(created);
    await cutOff(claim);
    const known = await keys.claim(systemCall(), keyed('effect', { process: 'p2' }));
    expect(known.effects).toEqual([{ action: 'profile-created', source: '/1.0/profiles/p' }]);
  });

  it('cannot be told anything of by a service that does not answer: it may be asked again', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('silent'));
    await cutOff(claim);
    const has = vi.spyOn(owner, 'has').mockRejectedValue(new LxdError('timeout', 'Deadline exceeded'));
    await expect(keys.claim(systemCall(), keyed('silent', { process: 'p2' }))).rejects.toMatchObject({ kind: 'unavailable' });
    has.mockRestore();
  });

  it('is waited for while a task of it still runs', async () => {
    const { claim } = await keys.claim(systemCall(), keyed('task'));
    owned.add(claim);
    await cutOff(claim);
    await expect(keys.claim(systemCall({ signal: AbortSignal.abort() }), keyed('task', { process: 'p2' }))).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('is refused where nobody can know what it did', async () => {
    const request = keyed('append', { when_cut_off: proto.WhenCutOff.REFUSE });
    const { claim } = await keys.claim(systemCall(), request);
    await cutOff(claim);
    for (const process of ['p2', 'p3']) await expect(keys.claim(systemCall(), { ...request, process })).rejects.toThrow(/what it did is not known/);
  });
});
