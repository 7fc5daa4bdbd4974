import { describe, expect, it } from 'vitest';
import { parseControl } from './control.js';

describe('the control socket', () => {
  it('resizes and signals', () => {
    expect(parseControl('{"command":"window-resize","args":{"width":"80","height":"24"}}')).toEqual({ command: 'window-resize', columns: 80, rows: 24 });
    expect(parseControl('{"command":"signal","signal":15}')).toEqual({ command: 'signal', signal: 15 });
  });

  it('ignores what is malformed, out of range or unknown', () => {
    for (const text of ['', '{', 'null', '[]', '{"command":"window-resize"}', '{"command":"window-resize","args":{"width":"-1","height":"1e9"}}', '{"command":"signal","signal":4096}', '{"command":"reboot"}']) {
      expect(parseControl(text)).toBeUndefined();
    }
  });
});
