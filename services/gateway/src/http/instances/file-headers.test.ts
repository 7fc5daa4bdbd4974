import { describe, expect, it } from 'vitest';
import { fileHeaders, pushHeader } from './file-headers.js';

const file = { instance_id: 'i', path: '/etc/passwd' };

describe('headers of files', () => {
  it('describe a file as LXD does', () => {
    expect(fileHeaders({ type: 'file', mode: 0o644, uid: 0, gid: 5, size_bytes: 1, modified_ms: 1_700_000_000_000, entries: [] })).toEqual({
      'X-LXD-uid': '0',
      'X-LXD-gid': '5',
      'X-LXD-mode': '0644',
      'X-LXD-type': 'file',
      'X-LXD-modified': '2023-11-14 22:13:20 +0000 UTC',
    });
  });

  it('leave what is not said to the defaults', () => {
    expect(pushHeader({}, file)).toEqual({ file, type: 'file', write: 'overwrite', uid: -1, gid: -1, mode: -1 });
  });

  it('take octal modes', () => {
    expect(pushHeader({ 'x-lxd-mode': '0755', 'x-lxd-uid': '1000', 'x-lxd-type': 'directory' }, file)).toMatchObject({ mode: 0o755, uid: 1000, type: 'directory' });
    expect(pushHeader({ 'x-lxd-mode': '644' }, file).mode).toBe(0o644);
    expect(pushHeader({ 'x-lxd-mode': 'bogus' }, file).mode).toBe(-1);
  });

  it('refuse unknown types and write modes', () => {
    expect(() => pushHeader({ 'x-lxd-type': 'socket' }, file)).toThrow('Bad file type: socket');
    expect(() => pushHeader({ 'x-lxd-write': 'prepend' }, file)).toThrow('Bad file write mode: prepend');
  });
});
