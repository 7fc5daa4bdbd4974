import { describe, expect, it } from 'vitest';
import { encodedOnce, repeated } from './repeated.js';

describe('an answer', () => {
  it('that is repeated is turned into bytes once', () => {
    const answer = repeated({ n: 1 });
    let times = 0;
    const encode = (): Buffer => Buffer.from([++times]);
    expect(encodedOnce(answer, encode)).toBe(encodedOnce(answer, encode));
    expect(times).toBe(1);
  });

  it('that is nobody else\'s is turned into bytes each time', () => {
    const answer = { n: 1 };
    let times = 0;
    for (let turn = 0; turn < 2; turn++) encodedOnce(answer, () => Buffer.from([++times]));
    expect(times).toBe(2);
  });
});
