import { describe, expect, it } from 'vitest';
import { refuseCrossSite } from './cross-site.js';

describe('a request made by a browser', () => {
  it.each([{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, { origin: 'https://h:8443', host: 'h:8443' }])('passes with %j', (headers) =>
    expect(() => refuseCrossSite(headers)).not.toThrow(),
  );

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil', host: 'h:8443' },
    { origin: 'https://h:8444', host: 'h:8443' },
    { origin: 'null', host: 'h:8443' },
  ])('is refused with %j', (headers) => expect(() => refuseCrossSite(headers)).toThrow('Forbidden'));
});
