import { describe, expect, it } from 'vitest';
import type { Config, Devices } from '../instance.js';
import { leavingOf } from './leaving.js';

const root = { type: 'disk', path: '/', pool: 'default' };
const leaving = (config: Config, devices: Devices): string => leavingOf({ expanded_config: config, expanded_devices: { root, ...devices } });

describe('an instance whose member is evacuated', () => {
  it('moves when its devices can be had elsewhere', () => {
    expect(leaving({}, { eth0: { type: 'nic', network: 'lxdbr0' }, masked: { type: 'none' } })).toBe('migrate');
    expect(leaving({ 'cluster.evacuate': 'auto' }, {})).toBe('migrate');
  });

  it('stops when it has something of its host', () => {
    const devices: Record<string, string>[] = [{ type: 'nic', nictype: 'bridged', parent: 'br0' }, { type: 'disk', source: '/srv', path: '/srv' }, { type: 'disk', pool: 'default', source: 'v1', path: '/v' }, { type: 'unix-char', path: '/dev/null' }];
    for (const device of devices) {
      expect(leaving({}, { device })).toBe('stop');
      expect(leaving({ 'cluster.evacuate': 'migrate' }, { device })).toBe('migrate');
    }
  });

  it('does what it asks for', () => {
    expect(leaving({ 'cluster.evacuate': 'stop' }, {})).toBe('stop');
    expect(leaving({ 'cluster.evacuate': 'live-migrate' }, {})).toBe('live-migrate');
  });
});
