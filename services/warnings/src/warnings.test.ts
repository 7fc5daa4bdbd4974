import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { warnings, type common, type Warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { warningsService } from './index.js';

const call = systemCall();
const request: common.ListRequest = { project: 'default', all_projects: true, recursion: 1, filter: '', visible_projects: [] };
const trouble: warnings.RaiseWarning = { project: 'default', location: 'none', type: 'Instance autostart failure', severity: 'low', last_message: 'no', entity_url: '/1.0/instances/c1' };
let composition: TestComposition;
let handler: Warnings;

beforeAll(async () => {
  composition = await composeForTest([warningsService]);
  handler = composition.handler(warnings.WarningsDefinition);
});
afterAll(() => composition.close());

const list = async (change: Partial<common.ListRequest> = {}) => JSON.parse((await handler.list(call, { ...request, ...change })).json.toString()) as { uuid: string; count: number; status: string }[];

describe('warnings', () => {
  it('count what is raised again', async () => {
    await handler.raise(call, trouble);
    await handler.raise(call, { ...trouble, last_message: 'still no' });
    expect(await list()).toEqual([expect.objectContaining({ status: 'new', count: 2, last_message: 'still no', type: 'Instance autostart failure', severity: 'low', location: 'none', entity_url: '/1.0/instances/c1' })]);
  });

  it('are acknowledged and made new by users, never resolved by them', async () => {
    const uuid = (await list())[0]!.uuid;
    await handler.update(call, { uuid, status: 'acknowledged', if_match: '' });
    expect(await list({ filter: 'status eq acknowledged' })).toHaveLength(1);
    await expect(handler.update(call, { uuid, status: 'resolved', if_match: '' })).rejects.toMatchObject({ kind: 'forbidden', message: 'Status may only be set to "acknowledge" or "new"' });
    await expect(handler.update(call, { uuid, status: 'bogus', if_match: '' })).rejects.toThrow('Invalid warning type "bogus"');
    await handler.update(call, { uuid, status: 'new', if_match: '' });
  });

  it('are new again when they come back after having been resolved', async () => {
    await handler.resolve(call, { type: trouble.type, location: 'none', entity_url: trouble.entity_url });
    expect((await list())[0]).toMatchObject({ status: 'resolved' });
    await handler.raise(call, trouble);
    expect((await list())[0]).toMatchObject({ status: 'new', count: 3 });
  });

  it('belong to a project, and can be deleted', async () => {
    expect(await list({ project: 'other', all_projects: false })).toEqual([]);
    const uuid = (await list({ project: 'default', all_projects: false }))[0]!.uuid;
    await handler.delete(call, { uuid });
    await expect(handler.get(call, { uuid })).rejects.toThrow('Warning not found');
    await expect(handler.get(call, { uuid: 'nope' })).rejects.toThrow('Warning not found');
  });
});
