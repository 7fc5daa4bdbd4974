// proves: network_vlan, network_vlan_physical, instance_nic_bridged_vlan
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laboratory } from './lab.js';

const lab = laboratory();

/** The host itself is the other end: br-vlan.<id> on the bridge, eth1.<id> at the end of the wire that starts at eth0. */
describe('VLANs', () => {
  beforeAll(async () => {
    await lab.sh(`ip link add br-vlan type bridge vlan_filtering 1 && ip link set br-vlan up
      ip link set eth0 up && ip link set eth1 up
      for id in 10 20; do
        bridge vlan add vid $id dev br-vlan self
        ip link add link br-vlan name br-vlan.$id type vlan id $id
        ip addr add 198.51.$id.1/24 dev br-vlan.$id && ip link set br-vlan.$id up
      done
      for id in 30 40; do
        ip link add link eth1 name eth1.$id type vlan id $id
        ip addr add 198.51.$id.1/24 dev eth1.$id && ip link set eth1.$id up
      done`);
  });
  afterAll(async () => {
    await lab.try('ip link del br-vlan; for id in 30 40; do ip link del eth1.$id; done');
  });

  afterEach(async () => {
    await lab.try('lxc config device remove guest n0');
  });

  it('a bridged nic is in the VLAN of its "vlan" and in no other', async () => {
    await lab.sh(`lxc config device add guest n0 nic nictype=bridged parent=br-vlan name=n0 vlan=10
      lxc exec guest -- sh -c 'ip addr add 198.51.10.2/24 dev n0; ip addr add 198.51.20.2/24 dev n0; ip link set n0 up'`);
    expect(await lab.ping('198.51.10.1')).toBe(true);
    expect(await lab.ping('198.51.20.1')).toBe(false);
  });

  it('a bridged nic has the VLANs of "vlan.tagged" with their tags, and with vlan=none no other', async () => {
    await lab.sh(`lxc config device add guest n0 nic nictype=bridged parent=br-vlan name=n0 vlan=none vlan.tagged=10,20
      lxc exec guest -- sh -c 'ip link set n0 up; ip link add link n0 name n0.20 type vlan id 20; ip addr add 198.51.20.2/24 dev n0.20; ip link set n0.20 up'`);
    const port = await lab.sh('lxc config get guest volatile.n0.host_name');
    const [vlans] = await lab.json<[{ vlans: { vlan: number; flags?: string[] }[] }]>(`bridge -j vlan show dev ${port}`);
    expect(vlans.vlans.map(({ vlan, flags = [] }) => [vlan, ...flags])).toEqual([[10], [20]]);
    expect(await lab.ping('198.51.20.1')).toBe(true);
  });

  it('a macvlan nic sits on a VLAN of its parent that is made for it and goes with it', async () => {
    await lab.sh(`lxc config device add guest n0 nic nictype=macvlan parent=eth0 name=n0 vlan=30
      lxc exec guest -- sh -c 'ip addr add 198.51.30.2/24 dev n0; ip link set n0 up'`);
    expect(await lab.sh('lxc config get guest volatile.n0.last_state.created; ip -d link show eth0.30')).toMatch(/^true[^]*vlan protocol 802.1Q id 30/);
    expect(await lab.ping('198.51.30.1')).toBe(true);
    await lab.sh('lxc config device remove guest n0');
    expect(await lab.refusal('ip link show eth0.30')).toContain('does not exist');
  });

  it('a physical nic takes a VLAN of its parent into the instance', async () => {
    await lab.sh(`lxc config device add guest n0 nic nictype=physical parent=eth0 name=n0 vlan=40
      lxc exec guest -- sh -c 'ip addr add 198.51.40.2/24 dev n0; ip link set n0 up'`);
    expect(await lab.ping('198.51.40.1')).toBe(true);
    expect(await lab.refusal('ip link show eth0.40')).toContain('does not exist');
    await lab.sh('lxc config device remove guest n0');
    expect(await lab.refusal('ip link show eth0.40')).toContain('does not exist');
  });
});
