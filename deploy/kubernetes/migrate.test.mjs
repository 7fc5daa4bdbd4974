import { expect, test } from 'vitest';
import { servicesWithSchema } from './migrate.mjs';

test('services without a schema have nothing to be brought up to date', async () => {
  const modules = {
    gateway: { gatewayService: { name: 'gateway', handlers: [] } },
    storage: { storageService: { name: 'storage', migrations: [{ name: '001', sql: '' }] }, other: 3 },
  };
  expect((await servicesWithSchema(['gateway', 'storage'], async (name) => modules[name])).map(({ name }) => name)).toEqual(['storage']);
});
