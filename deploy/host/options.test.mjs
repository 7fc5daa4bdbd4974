import { expect, it } from 'vitest';
import { downOptions, upOptions } from './options.mjs';

it('reads what up is asked for', () => {
  expect(upOptions(['--state-dir', '/x/', '--listen', '127.0.0.1:8443', '--processes'])).toMatchObject({ stateDir: '/x', listen: '127.0.0.1:8443', processes: true, detach: false, bare: false });
  expect(downOptions(['--', '--instances', '--state-dir=/x'])).toMatchObject({ stateDir: '/x', instances: true });
});

it('refuses what it does not know', () => {
  expect(() => upOptions(['--join', 'x'])).toThrow('--join wants --listen');
  expect(() => upOptions(['--bogus'])).toThrow();
  expect(() => upOptions(['--state-dir', 'x'])).toThrow('--state-dir wants an absolute path, not "x"');
});
