import { EventBusToken, lifecycle, type EventBus } from '@asterism/events';
import { defineService } from '@asterism/service';
import { expect, it } from 'vitest';
import { composeForTest } from './compose-for-test.js';

it('an event that a crash left behind reaches who consumes it, though it is published when everything starts', async () => {
  const left = lifecycle({ action: 'instance-created', source: '/1.0/instances/c1', project: 'default' });
  const received: string[] = [];
  const teller = defineService({
    name: 'teller',
    providers: [],
    handlers: [],
    migrations: [{ name: '001-left', sql: `INSERT INTO teller.outbox (id, event, created_at) VALUES ('${left.id}', '${JSON.stringify(left)}', now() - interval '1 minute')` }],
  });
  const reader = defineService({
    name: 'reader',
    providers: [],
    handlers: [],
    listen: async (app) => void (await app.get<EventBus>(EventBusToken, { strict: false }).consume('reader', ['lifecycle'], (event) => void received.push(event.id))),
  });
  const test = await composeForTest([teller, reader]);
  await test.settle();
  expect(received).toEqual([left.id]);
  expect(await test.runtime.database!.query('SELECT 1 FROM teller.outbox')).toEqual([]);
  await test.close();
});
