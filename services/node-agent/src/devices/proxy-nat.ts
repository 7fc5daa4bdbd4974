import { createHash } from 'node:crypto';
import { deviceOption, nicBridgedKeys, parseProxyAddress, proxyKeys, type ProxyAddress } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { InstanceDevice } from './device.js';

/** The address that a proxy with nat=true leads to: one that a nic of the instance is tied to. */
export function natTarget({ instance, spec: { options } }: InstanceDevice): string {
  const connect = parseProxyAddress(options[proxyKeys.connect.name] ?? '');
  if (typeof connect === 'string') throw new LxdError('bad-request', connect);
  const isIpv6 = connect.address.includes(':');
  const [version, option] = isIpv6 ? ['IPv6', nicBridgedKeys.ipv6Address.name] : ['IPv4', nicBridgedKeys.ipv4Address.name];
  const nics = Object.entries(instance.devices).sort(([a], [b]) => (a < b ? -1 : 1));
  const fixed = nics.flatMap(([, { options: nic }]) => (nic[deviceOption.type] === 'nic' && nic[option] ? [nic[option]] : []));
  if (['', '0.0.0.0', '::'].includes(connect.address)) {
    if (fixed[0] === undefined) throw new LxdError('internal', `Instance has no static ${version} address assigned to be used as the connect IP`);
    return fixed[0];
  }
  if (!fixed.includes(connect.address)) throw new LxdError('internal', `Connect IP ${JSON.stringify(connect.address)} must be one of the instance's static ${version} addresses`);
  return connect.address;
}

/** Replaces the proxy's table: what arrives or leaves for its ports goes to the instance, which may also call itself by them. */
export function proxyNatScript(key: string, { listen, connect }: { listen: ProxyAddress; connect: ProxyAddress }): string {
  const family = connect.address.includes(':') ? 'ip6' : 'ip';
  const target = (port: number): string => (family === 'ip6' ? `[${connect.address}]:${port}` : `${connect.address}:${port}`);
  const ports = listen.ports.map((port, index) => [port, connect.ports[index] ?? connect.ports[0] ?? port] as const);
  const redirect = ports.map(([port, to]) => `\t\t${family} daddr ${listen.address} ${listen.protocol} dport ${port} dnat ${family} to ${target(to)}\n`).join('');
  const hairpin = [...new Set(ports.map(([, to]) => to))].map((to) => `\t\t${family} saddr ${connect.address} ${family} daddr ${connect.address} ${listen.protocol} dport ${to} masquerade\n`).join('');
  const chain = (name: string, hook: string, rules: string): string => `\tchain ${name} {\n\t\ttype nat hook ${hook}; policy accept;\n${rules}\t}\n`;
  const chains = chain('arriving', 'prerouting priority dstnat', redirect) + chain('leaving', 'output priority -100', redirect) + chain('returning', 'postrouting priority srcnat', hairpin);
  return `${withoutProxyNat(key)}table ${tableOf(key)} {\n${chains}}\n`;
}

export function withoutProxyNat(key: string): string {
  return `add table ${tableOf(key)}\ndelete table ${tableOf(key)}\n`;
}

function tableOf(key: string): string {
  return `inet asterism-proxy-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
}
