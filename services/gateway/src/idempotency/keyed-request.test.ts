import { idempotency } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { unixIdentity } from '../auth/identity.js';
import { keyOf, requestDigest, requestorOf, whenCutOff } from './keyed-request.js';

describe('an Idempotency-Key', () => {
  it('counts on changing requests only', () => {
    expect(keyOf('POST', { 'idempotency-key': 'a' })).toBe('a');
    expect(keyOf('GET', { 'idempotency-key': 'a' })).toBeUndefined();
    expect(keyOf('POST', {})).toBeUndefined();
  });

  it('has a form', () => {
    for (const key of ['', 'two words', 'ü', 'x'.repeat(256)]) expect(() => keyOf('PUT', { 'idempotency-key': key })).toThrow(/Invalid Idempotency-Key/);
  });

  it("belongs to its requestor, and to no stranger that cannot be told from others", () => {
    expect(requestorOf(unixIdentity)).toBe('unix:root');
    const stranger = { trusted: false, admin: false, local: false, username: '', protocol: '' as const, address: '1' };
    expect(() => requestorOf(stranger)).toThrow(/needs a client certificate/);
    expect(requestorOf({ ...stranger, certificate: Buffer.from('a') })).not.toBe(requestorOf({ ...stranger, certificate: Buffer.from('b') }));
  });
});

describe('the digest of a request', () => {
  it('differs where method, URL or a header that matters differ', () => {
    const digests = [
      requestDigest('POST', '/1.0/instances', {}),
      requestDigest('PUT', '/1.0/instances', {}),
      requestDigest('POST', '/1.0/instances?project=p', {}),
      requestDigest('POST', '/1.0/instances', { 'if-match': 'x' }),
      requestDigest('POST', '/1.0/instances', { 'x-lxd-mode': '0600' }),
    ];
    expect(new Set(digests).size).toBe(digests.length);
    expect(requestDigest('POST', '/1.0/instances', { 'user-agent': 'other', host: 'h' })).toBe(digests[0]);
  });
});

it('what leaves no trace is not run twice', () => {
  const { REFUSE, RUN_AGAIN, RUN_AGAIN_UNLESS_OPENED } = idempotency.WhenCutOff;
  expect(whenCutOff('POST', '/1.0/instances/c1/files?path=/a', { 'x-lxd-write': 'append' })).toBe(REFUSE);
  expect(whenCutOff('POST', '/1.0/instances/c1/exec?project=p', {})).toBe(RUN_AGAIN_UNLESS_OPENED);
  expect(whenCutOff('POST', '/1.0/instances', {})).toBe(RUN_AGAIN);
});
