import { expect, it } from 'vitest';
import { waitingFor } from './waiting.js';

const absent = new Error('connect ECONNREFUSED');

it('tries until somebody is there', async () => {
  let attempts = 0;
  const attempt = async (): Promise<number> => {
    if (++attempts < 4) throw absent;
    return attempts;
  };
  expect(await waitingFor('PostgreSQL', attempt, (error) => error === absent, 1)).toBe(4);
});

it('waits for nothing that waiting does not mend', async () => {
  await expect(waitingFor('PostgreSQL', () => Promise.reject(new Error('password authentication failed')), (error) => error === absent, 1)).rejects.toThrow('password');
});
