import { expect, it } from 'vitest';
import { retention } from './retention.js';

it('what is kept is kept as long as the server says, operations as long as their project says', () => {
  expect(retention({}, [])).toEqual({ operationDays: 7, operationDaysOf: {}, eventDays: 7, keyHours: 24 });
  const config = { 'operations.retention': '30', 'events.retention': '2', 'idempotency.retention': '1' };
  const projects = [{ name: 'default', config: {} as Record<string, string> }, { name: 'short', config: { 'operations.retention': '1' } }];
  expect(retention(config, projects)).toEqual({ operationDays: 30, operationDaysOf: { short: 1 }, eventDays: 2, keyHours: 1 });
});
