import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../host/fake-host.js';
import { setNetworkPriority } from './network-priority.js';

const spec = { id: 'i1', config: { 'limits.network.priority': '7' } };

describe('limits.network.priority', () => {
  it('is written for a link of the host where the controller is', async () => {
    const host = new FakeHost();
    host.cgroups.trees = { version: 'hybrid', trees: { net_prio: '/sys/fs/cgroup/net_prio', unified: '/sys/fs/cgroup/unified' } };
    await host.links.createVeth({ name: 'veth1', peer: 'veth2' });
    await setNetworkPriority(host, spec);
    expect([...host.cgroups.values]).toEqual([[expect.stringMatching(/\/payload\/net_prio\.ifpriomap$/), expect.stringMatching(/^veth\d 7$/)]]);
  });

  it('is left where it is not', async () => {
    const host = new FakeHost();
    await setNetworkPriority(host, spec);
    expect(host.cgroups.values.size).toBe(0);
  });
});
