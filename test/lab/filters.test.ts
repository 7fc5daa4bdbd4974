// proves: container_nic_ipfilter, instance_nic_bridged_port_isolation, proxy_nat
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { laboratory } from './lab.js';

const lab = laboratory();

describe('filters and limits of bridged nics', () => {
  beforeAll(async () => {
    await lab.sh(`lxc network create lxdbr0 ipv4.address=10.211.9.1/24 ipv4.nat=true ipv6.address=fd42:211:9::1/64 ipv6.nat=true
      lxc config device add guest n0 nic network=lxdbr0 name=n0 ipv4.address=10.211.9.50 hwaddr=00:16:3e:00:00:50
      lxc exec guest -- sh -c 'ip link set n0 up; ip addr add 10.211.9.50/24 dev n0; ip addr add 10.211.9.51/24 dev n0'`);
  });
  afterAll(async () => {
    await lab.try('lxc config device remove guest n0; lxc network delete lxdbr0');
  });
  const pingFrom = async (source: string): Promise<boolean> => (await lab.try(`lxc exec guest -- ping -c 2 -W 3 -A -I ${source} 10.211.9.1`)).code === 0;

  it('security.ipv4_filtering lets only the nic\'s own address out', async () => {
    expect(await pingFrom('10.211.9.51')).toBe(true);
    await lab.sh('lxc config device set guest n0 security.ipv4_filtering=true');
    expect(await pingFrom('10.211.9.50')).toBe(true);
    expect(await pingFrom('10.211.9.51')).toBe(false);
    await lab.sh('lxc config device set guest n0 security.ipv4_filtering=false');
    expect(await pingFrom('10.211.9.51')).toBe(true);
  });

  it('security.mac_filtering drops what has another address', async () => {
    await lab.sh('lxc config device set guest n0 security.mac_filtering=true');
    expect(await pingFrom('10.211.9.50')).toBe(true);
    await lab.sh(`lxc exec guest -- sh -c 'ip link set n0 down; ip link set n0 address 00:16:3e:00:00:66; ip link set n0 up'`);
    expect(await pingFrom('10.211.9.50')).toBe(false);
    await lab.sh(`lxc exec guest -- sh -c 'ip link set n0 down; ip link set n0 address 00:16:3e:00:00:50; ip link set n0 up'
      lxc config device set guest n0 security.mac_filtering=false`);
    expect(await lab.sh('nft list tables')).not.toMatch(/bridge (?:asterism|lxd)\./);
  });

  it('limits.ingress and limits.egress shape and police, and change live', async () => {
    await lab.sh('lxc config device set guest n0 limits.ingress=1Mbit limits.egress=2Mbit');
    const port = await lab.sh('lxc config get guest volatile.n0.host_name');
    expect(await lab.sh(`tc class show dev ${port}`)).toMatch(/htb 1:10 root .*rate 1Mbit/);
    expect(await lab.sh(`tc filter show dev ${port} parent ffff:`)).toMatch(/police 0x\w+ rate 2Mbit burst 1Mb? mtu 64Kb action drop/);
    await lab.sh('lxc config device set guest n0 limits.ingress= limits.egress= limits.max=3Mbit');
    expect(await lab.sh(`tc class show dev ${port}; tc filter show dev ${port} parent ffff:`)).toMatch(/rate 3Mbit[^]*police \w+ rate 3Mbit/);
    await lab.sh('lxc config device unset guest n0 limits.max');
    expect(await lab.sh(`tc qdisc show dev ${port}`)).not.toMatch(/htb|ingress/);
  });

  it('limits.egress keeps what the guest sends to about its rate', async () => {
    await lab.sh('lxc config device set guest n0 limits.egress=1Mbit');
    const port = await lab.sh('lxc config get guest volatile.n0.host_name');
    await lab.try('lxc exec guest -- sh -c "for n in 1 2 3; do ping -f -c 400 -s 1400 -w 5 10.211.9.1; done > /dev/null"', 100);
    expect(await lab.sh(`tc -s filter show dev ${port} parent ffff:`)).toMatch(/dropped [1-9]/);
    await lab.sh('lxc config device unset guest n0 limits.egress');
  });

  it('a proxy in nat mode leads to the nic by rules of the firewall alone', async () => {
    await lab.sh(`ip addr add 198.51.80.1/32 dev lo
      lxc exec guest -- sh -c 'echo served > /tmp/page && busybox httpd -p 80 -h /tmp'
      lxc config device add guest p0 proxy listen=tcp:198.51.80.1:8080 connect=tcp:10.211.9.50:80 nat=true`);
    expect(await lab.sh('busybox wget -q -O - -T 20 http://198.51.80.1:8080/page')).toBe('served');
    expect(await lab.sh('nft list ruleset')).toContain('dnat');
    await lab.sh('lxc config device remove guest p0');
    expect((await lab.try('busybox wget -q -O - -T 5 http://198.51.80.1:8080/page')).code).not.toBe(0);
    await lab.sh('ip addr del 198.51.80.1/32 dev lo');
  });

  it('security.port_isolation keeps isolated nics from each other, not from the bridge', async () => {
    await lab.sh('lxc config device set guest n0 security.port_isolation=true');
    const port = await lab.sh('lxc config get guest volatile.n0.host_name');
    expect(await lab.sh(`bridge -d link show dev ${port}`)).toContain('isolated on');
  });
});
