import { describe, expect, it } from 'vitest';
import { parseListenAddress } from './address.js';

describe('core.https_address', () => {
  it.each([
    ['', undefined],
    ['[::]:8443', { host: '::', port: 8443 }],
    [':8444', { host: '', port: 8444 }],
    ['127.0.0.1', { host: '127.0.0.1', port: 8443 }],
    ['127.0.0.1:1234', { host: '127.0.0.1', port: 1234 }],
    ['[::1]', { host: '::1', port: 8443 }],
    ['fd00::1', { host: 'fd00::1', port: 8443 }],
  ])('reads %j', (text, expected) => expect(parseListenAddress(text)).toEqual(expected));
});
