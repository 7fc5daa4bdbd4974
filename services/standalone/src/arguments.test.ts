import { describe, expect, it } from 'vitest';
import { readArguments } from './arguments.js';

describe('the command line', () => {
  it('takes the state directory from the option, then LXD_DIR, then the default', () => {
    expect(readArguments(['standalone', '--state-dir', '/srv/a/'], { LXD_DIR: '/srv/b' })).toEqual({ stateDir: '/srv/a' });
    expect(readArguments(['standalone'], { LXD_DIR: '/srv/b' })).toEqual({ stateDir: '/srv/b' });
    expect(readArguments([], {})).toEqual({ stateDir: '/var/lib/asterism' });
  });

  it('refuses what it does not know', () => {
    expect(() => readArguments(['cluster'], {})).toThrow('unknown command "cluster"');
    expect(() => readArguments(['--state-dir', 'relative'], {})).toThrow('absolute path');
    expect(() => readArguments(['--bogus'], {})).toThrow('--bogus');
  });
});
