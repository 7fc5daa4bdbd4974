// proves: container_nic_ipvlan, container_nic_ipvlan_mode
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laboratory } from './lab.js';

const lab = laboratory();
const far = 'ip netns exec far';

/** eth3, at the end of the wire that starts at eth2, is moved to a network of its own: another machine. */
describe('nics on a card of the host', () => {
  beforeAll(async () => {
    await lab.sh(`ip netns add far && ip link set eth3 netns far && ip link set eth2 up && ip addr add 198.51.50.9/24 dev eth2
      ${far} ip link set eth3 up && ${far} ip addr add 198.51.50.1/24 dev eth3
      echo 1 | tee /proc/sys/net/ipv4/conf/eth2/forwarding /proc/sys/net/ipv6/conf/eth2/forwarding /proc/sys/net/ipv6/conf/eth2/proxy_ndp
      lxc init busybox carded --no-profiles --storage default`);
  });
  afterAll(async () => {
    await lab.try('lxc delete -f carded; ip netns del far; ip addr flush dev eth2');
  });
  afterEach(async () => {
    await lab.try('lxc stop -f carded; lxc config device remove carded n0; lxc config device remove guest n0');
  });

  it('ipvlan in l3s answers for its addresses on the parent network', async () => {
    await lab.sh(`lxc config device add carded n0 nic nictype=ipvlan parent=eth2 name=n0 ipv4.address=198.51.50.2
      lxc start carded`);
    expect(await lab.sh('lxc exec carded -- ip addr show n0')).toMatch(/198\.51\.50\.2\/32/);
    expect(await lab.ping('198.51.50.1', 'carded')).toBe(true);
    expect(await lab.sh(`${far} ping -c 2 -W 5 198.51.50.2`)).toContain(' 0% packet loss');
    expect(await lab.refusal('lxc config device remove carded n0')).toContain('cannot be removed when instance is running');
  });

  it('ipvlan on a VLAN that is made for it', async () => {
    await lab.sh(`${far} ip link add link eth3 name eth3.60 up type vlan id 60 && ${far} ip addr add 198.51.60.1/24 dev eth3.60
      lxc config device add carded n0 nic nictype=ipvlan parent=eth2 vlan=60 name=n0 ipv4.address=198.51.60.2
      lxc start carded`);
    expect(await lab.sh(`${far} ping -c 2 -W 5 198.51.60.2`)).toContain(' 0% packet loss');
    await lab.sh('lxc stop -f carded');
    expect(await lab.refusal('ip link show eth2.60')).toContain('does not exist');
  });

  it('ipvlan in l2 goes by its gateway', async () => {
    await lab.sh(`${far} ip addr add 203.0.113.1/24 dev lo
      lxc config device add carded n0 nic nictype=ipvlan parent=eth2 name=n0 mode=l2 ipv4.address=198.51.50.3/24 ipv4.gateway=198.51.50.1
      lxc start carded`);
    expect(await lab.ping('203.0.113.1', 'carded')).toBe(true);
    expect(await lab.sh('lxc exec carded -- ip route')).toContain('default via 198.51.50.1');
  });

  it('a physical nic is the guest\'s until it stops, with its own MTU and address, and then as it was', async () => {
    const before = await lab.sh('ip -br link show eth2 | tr -s " " | cut -d" " -f3; cat /sys/class/net/eth2/mtu');
    await lab.sh(`lxc config device add guest n0 nic nictype=physical parent=eth2 name=n0 mtu=1400 hwaddr=00:16:3e:00:00:77
      lxc exec guest -- sh -c 'ip addr add 198.51.50.4/24 dev n0; ip link set n0 up'`);
    expect(await lab.ping('198.51.50.1')).toBe(true);
    expect(await lab.sh('lxc exec guest -- ip link show n0')).toMatch(/mtu 1400[^]*00:16:3e:00:00:77/);
    expect(await lab.refusal('ip link show eth2')).toContain('does not exist');
    await lab.sh('lxc config device remove guest n0');
    expect(await lab.sh('ip -br link show eth2 | tr -s " " | cut -d" " -f3; cat /sys/class/net/eth2/mtu')).toBe(before);
  });

  it('a physical nic comes back from a guest that ends', async () => {
    await lab.sh(`lxc config device add carded n0 nic nictype=physical parent=eth2 name=other
      lxc start carded`);
    expect(await lab.refusal('ip link show eth2')).toContain('does not exist');
    await lab.sh('lxc stop -f carded');
    expect(await lab.sh('ip link show eth2')).toContain('52:54:00:00:00:03');
  });
});
