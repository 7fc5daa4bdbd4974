import { describe, expect, it } from 'vitest';
import { unixIdentity, type Identity } from '../auth/identity.js';
import { otherProject, type ApiRequest } from './request.js';

const request = (identity: Identity): ApiRequest => ({ identity, query: { project: 'own' } }) as unknown as ApiRequest;
const restricted: Identity = { ...unixIdentity, admin: false, local: false, protocol: 'tls', projects: ['own', 'second'] };

describe('a project that a body names', () => {
  it("is the request's own where it names none", () => {
    expect(otherProject(request(restricted), '')).toBe('own');
  });
  it('must be one that the caller may use', () => {
    expect(otherProject(request(restricted), 'second')).toBe('second');
    expect(() => otherProject(request(restricted), 'foreign')).toThrow('not authorized');
    expect(otherProject(request(unixIdentity), 'foreign')).toBe('foreign');
  });
});
