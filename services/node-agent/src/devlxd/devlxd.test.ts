// proves: devlxd_events, restrict_devlxd
import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { answerTo } from './answers.js';
import { guestEvents } from './guest-events.js';

type InstanceSpec = agentInstances.InstanceSpec;

function spec(config: Record<string, string>, devices: Record<string, Record<string, string>> = {}): InstanceSpec {
  return {
    ...({} as InstanceSpec),
    id: 'id',
    name: 'c1',
    type: 'container',
    config,
    devices: Object.fromEntries(Object.entries(devices).map(([name, options]) => [name, { options, network: undefined, volume_path: '' }])),
  };
}

describe('what an instance is told of itself', () => {
  const c1 = spec({ 'user.foo': 'bar', 'limits.cpu': '1', 'volatile.cloud-init.instance-id': 'abc', 'user.meta-data': 'x: y' });

  it('are the keys of its users, and no others', () => {
    expect(answerTo('/1.0/config', c1, 'none').body).toBe('["/1.0/config/user.foo","/1.0/config/user.meta-data"]\n');
    expect(answerTo('/1.0/config/user.foo', c1, 'none')).toMatchObject({ status: 200, body: 'bar' });
    expect(answerTo('/1.0/config/user.nope', c1, 'none')).toMatchObject({ status: 404, body: 'not found\n' });
    expect(answerTo('/1.0/config/limits.cpu', c1, 'none')).toMatchObject({ status: 403, body: 'not authorized\n' });
  });

  it('is a seed for cloud-init', () => {
    expect(answerTo('/1.0/meta-data', c1, 'none').body).toBe('#cloud-config\ninstance-id: abc\nlocal-hostname: c1\nx: y');
  });

  it('is nothing beyond these paths', () => {
    expect(answerTo('/1.0/instances', c1, 'none')).toMatchObject({ status: 404, body: '404 page not found\n' });
    expect(answerTo('/1.0/config/../../etc/passwd', c1, 'none').status).toBe(403);
  });
});

describe('what a running instance hears of a change', () => {
  it('is what happened to its user keys', () => {
    const events = guestEvents(spec({ 'user.a': '1', 'limits.cpu': '1' }), spec({ 'user.b': '2', 'limits.cpu': '2' }));
    expect(events.map(({ metadata }) => metadata)).toEqual([
      { key: 'user.a', old_value: '1', value: '' },
      { key: 'user.b', old_value: '', value: '2' },
    ]);
  });

  it('is which devices came, went and changed, as their owner wrote them', () => {
    const nic = { type: 'nic', nictype: 'bridged', parent: 'br0' };
    const before = spec({}, { eth0: { ...nic, host_name: 'veth1' }, old: { type: 'none' } });
    const after = spec({ 'volatile.eth0.host_name': 'veth1' }, { eth0: { ...nic, host_name: 'veth1', mtu: '1400' }, fresh: { type: 'none' } });
    expect(guestEvents(before, after).map(({ metadata }) => metadata)).toEqual([
      { action: 'removed', name: 'old', config: { type: 'none' } },
      { action: 'added', name: 'fresh', config: { type: 'none' } },
      { action: 'updated', name: 'eth0', config: { ...nic, mtu: '1400' } },
    ]);
  });

  it('is nothing where only the server remembered something', () => {
    const nic = { type: 'nic', nictype: 'bridged', parent: 'br0' };
    expect(guestEvents(spec({}, { eth0: nic }), spec({ 'volatile.eth0.host_name': 'veth1' }, { eth0: { ...nic, host_name: 'veth1' } }))).toEqual([]);
  });
});
