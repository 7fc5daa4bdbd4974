import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '@asterism/database';
import { cluster, common, Token, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { clusterService } from '../index.js';
import { Health } from './health.js';

const warned: string[] = [];
let composition: TestComposition;
let database: Database;

beforeAll(async () => {
  const warnings = {
    raise: async (_call: unknown, { location }: { location: string }) => void warned.push(`raised ${location}`),
    resolve: async (_call: unknown, { location }: { location: string }) => void warned.push(`resolved ${location}`),
  };
  composition = await composeForTest([clusterService], { [Token.Warnings]: warnings });
  database = composition.composition.app.get(Database, { strict: false });
  await database.query(`INSERT INTO cluster.members (name, address, server_address, architecture, environment, seen_at, is_online) SELECT 'm' || n, '', '', 'x86_64', '{}', now(), true FROM generate_series(1, 40) n`);
});
afterAll(() => composition.close());

const online = async () => Number((await database.query<{ count: string }>('SELECT count(*) FROM cluster.members WHERE is_online'))[0]!.count);
const told = () => composition.events.filter(({ kind }) => kind === 'members.changed').length;

describe('many members', () => {
  it('that come back at once are told of together, each with its warning', async () => {
    const health = composition.composition.app.get(Health, { strict: false });
    await database.query('UPDATE cluster.members SET is_online = false');
    await Promise.all(Array.from({ length: 40 }, (_, index) => health.heard(`m${index + 1}`)));
    await expect.poll(() => warned.filter((line) => line.startsWith('resolved')).length).toBe(40);
    expect(await online()).toBe(40);
    await composition.settle();
    expect(told()).toBeLessThanOrEqual(2);
  });

  it('are not silent to a process that has only begun to listen', async () => {
    const handler: Cluster = composition.handler(cluster.ClusterDefinition);
    await handler.updateServer(systemCall(), { config: { 'cluster.offline_threshold': '3000' }, mode: common.UpdateMode.MERGE, if_match: '' });
    await database.query(`UPDATE cluster.members SET seen_at = now() - interval '1 hour'`);
    await composition.composition.app.get(Health, { strict: false }).look();
    expect(await online()).toBe(40);
    expect(warned.filter((line) => line.startsWith('raised'))).toEqual([]);
  });
});
