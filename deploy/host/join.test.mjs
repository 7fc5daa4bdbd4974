import { expect, it } from 'vitest';
import { readToken } from './join.mjs';

const token = (content) => Buffer.from(JSON.stringify(content)).toString('base64');

it('reads what a join token says', () => {
  expect(readToken(token({ server_name: 'two', fingerprint: 'ab', addresses: ['10.0.0.1:8443'], secret: 's' }))).toEqual({ name: 'two', addresses: ['10.0.0.1:8443'], fingerprint: 'ab' });
});

it('refuses what is none', () => {
  for (const text of ['sesame', '', token({}), token({ server_name: 'two', fingerprint: 'ab', addresses: [], secret: 's' })]) expect(() => readToken(text)).toThrow('this is no join token');
});
