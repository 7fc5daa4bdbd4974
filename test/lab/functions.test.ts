// proves: network_sriov, network_vlan_sriov
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laboratory } from './lab.js';

const lab = laboratory();
const far = 'ip netns exec functions';

/** A card with virtual functions (igb), wired to eth4, which is moved to a network of its own: another machine. */
describe('virtual functions of a card', () => {
  let card = '';
  beforeAll(async () => {
    await lab.sh(`modprobe -a igb igbvf
      ip netns add functions && ip link set eth4 netns functions && ${far} ip link set eth4 up && ${far} ip addr add 198.51.70.1/24 dev eth4
      ${far} ip link add link eth4 name eth4.9 up type vlan id 9 && ${far} ip addr add 198.51.79.1/24 dev eth4.9`);
    card = await lab.sh('grep -l 52:54:00:00:00:05 /sys/class/net/*/address | cut -d/ -f5');
    await lab.sh(`ip link set ${card} up`);
  });
  afterAll(async () => {
    await lab.try(`lxc network delete cards; echo 0 > /sys/class/net/${card}/device/sriov_numvfs; ip netns del functions`);
  });
  afterEach(async () => {
    await lab.try('lxc config device remove guest n0; lxc config device remove guest n1');
  });
  const functions = (): Promise<string> => lab.sh(`ip link show ${card}`);

  it('one is the guest\'s as long as the nic is there, with its address', async () => {
    await lab.sh(`lxc config device add guest n0 nic nictype=sriov parent=${card} name=n0 hwaddr=00:16:3e:00:00:70
      lxc exec guest -- sh -c 'ip addr add 198.51.70.2/24 dev n0; ip link set n0 up'`);
    expect(await functions()).toMatch(/00:16:3e:00:00:70/);
    expect(await lab.sh('lxc exec guest -- cat /sys/class/net/n0/address')).toBe('00:16:3e:00:00:70');
    expect(await lab.ping('198.51.70.1')).toBe(true);
    const link = await lab.sh('lxc config get guest volatile.n0.host_name');
    expect(await lab.refusal(`ip link show ${link}`)).toContain('does not exist');
    await lab.sh(`lxc config device remove guest n0; ip link show ${link}`);
    expect(await functions()).not.toContain('00:16:3e:00:00:70');
  });

  it('each nic has one of its own, by a network too, and one that is in use is given to nobody', async () => {
    await lab.sh(`lxc network create cards --type=sriov parent=${card}
      lxc config device add guest n0 nic nictype=sriov parent=${card} name=n0
      lxc config device add guest n1 nic network=cards name=n1`);
    const [first, second] = (await lab.sh('lxc config get guest volatile.n0.last_state.vf.id; lxc config get guest volatile.n1.last_state.vf.id')).split('\n');
    expect(first).not.toBe(second);
    expect(await lab.sh('lxc exec guest -- ls /sys/class/net')).toMatch(/n0[^]*n1/);
  });

  it('"vlan" and "security.mac_filtering" are the card\'s to keep', async () => {
    await lab.sh(`lxc config device add guest n0 nic nictype=sriov parent=${card} name=n0 hwaddr=00:16:3e:00:00:71 vlan=9 security.mac_filtering=true
      lxc exec guest -- sh -c 'ip addr add 198.51.79.2/24 dev n0; ip link set n0 up'`);
    expect(await functions()).toMatch(/00:16:3e:00:00:71.* vlan 9, spoof checking on/);
    expect(await lab.ping('198.51.79.1')).toBe(true);
    await lab.sh('lxc config device remove guest n0');
    expect(await functions()).not.toContain('vlan 9');
  });
});

/** netdevsim has functions that are no devices of their own. */
describe('a card without links for its functions', () => {
  const card = '/sys/bus/netdevsim/devices/netdevsim7';

  beforeAll(async () => {
    await lab.sh(`modprobe netdevsim && echo "7 1" > /sys/bus/netdevsim/new_device && ls ${card}/net`);
  });
  afterAll(async () => {
    await lab.try('lxc config device remove guest n0; echo 7 > /sys/bus/netdevsim/del_device');
  });

  const parent = (): Promise<string> => lab.sh(`ls ${card}/net`);

  it('is refused', async () => {
    expect(await lab.refusal(`lxc config device add guest n0 nic nictype=sriov parent=${await parent()} name=n0`)).toContain('SR-IOV');
  });

  it('takes the settings of a function as the driver writes them', async () => {
    await lab.sh(`echo 2 > ${card}/sriov_numvfs
      echo 'link set dev ${await parent()} vf 1 mac 00:16:3e:00:00:01 vlan 9 spoofchk on' | ip -batch -`);
    expect(await lab.sh(`ip link show ${await parent()}`)).toMatch(/vf 1 .*00:16:3e:00:00:01.* vlan 9, spoof checking on/);
  });
});
