import { describe, expect, it } from 'vitest';
import { isKind } from '@asterism/errors';
import { document, etag, requireMatch, sortedMap } from './document.js';

describe('a rendered document', () => {
  it("carries the ETag that LXD computes for the same object", () => {
    // GET /1.0/projects/default of the reference server: [description, config]
    const config = { 'features.images': 'true', 'features.networks': 'true', 'features.profiles': 'true', 'features.storage.volumes': 'true' };
    expect(document({}, ['Default LXD project', config]).etag).toBe('f47b48b5cbf34ef5be50407ca0d4e3b2c286f082c2495970db9c31cd643516ca');
  });

  it('sorts maps as Go does', () => {
    expect(Object.keys(sortedMap({ b: 1, a: 2, B: 3 }))).toEqual(['B', 'a', 'b']);
  });
});

describe('If-Match', () => {
  it('accepts the present ETag, quoted or not, and no header', () => {
    const value = { a: '<1>' };
    for (const header of ['', etag(value), `"${etag(value)}"`]) expect(() => requireMatch(header, value)).not.toThrow();
  });

  it('refuses a stale one with both values', () => {
    const value = { a: 1 };
    const refuse = (): void => requireMatch('"stale"', value);
    expect(refuse).toThrow(`ETag doesn't match: ${etag(value)} vs stale`);
    expect(refuse).toThrow(expect.toSatisfy((error) => isKind(error, 'precondition-failed')));
  });
});
