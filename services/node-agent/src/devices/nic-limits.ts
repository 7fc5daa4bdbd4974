import { nicBridgedKeys, parseBitRate } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';

type Options = Readonly<Record<string, string>>;

/** Rates in bit/s, seen from the guest: ingress is what it receives. */
export function rates(options: Options): { ingress: number | undefined; egress: number | undefined } {
  const rate = (...names: string[]): number | undefined => {
    const text = names.map((name) => options[name]).find((value) => value);
    if (text === undefined) return undefined;
    const bits = parseBitRate(text);
    if (bits === undefined) throw new LxdError('internal', `Invalid value: ${text}`);
    return bits > 0 ? bits : undefined;
  };
  const { limitsIngress, limitsEgress, limitsMax } = nicBridgedKeys;
  return { ingress: rate(limitsMax.name, limitsIngress.name), egress: rate(limitsMax.name, limitsEgress.name) };
}

/** Shapes what goes to the guest and polices what comes from it, on the host's end. */
export async function applyLimits(host: Host, link: string, options: Options): Promise<void> {
  const { ingress, egress } = rates(options);
  if (ingress !== undefined) {
    await host.exec(['tc', 'qdisc', 'add', 'dev', link, 'root', 'handle', '1:0', 'htb', 'default', '10']);
    await host.exec(['tc', 'class', 'add', 'dev', link, 'parent', '1:0', 'classid', '1:10', 'htb', 'rate', `${ingress}bit`]);
  }
  if (egress !== undefined) {
    await host.exec(['tc', 'qdisc', 'add', 'dev', link, 'handle', 'ffff:0', 'ingress']);
    const police = ['police', 'rate', `${egress}bit`, 'burst', '1024k', 'mtu', '64kb', 'drop'] as const;
    await host.exec(['tc', 'filter', 'add', 'dev', link, 'parent', 'ffff:0', 'protocol', 'all', 'u32', 'match', 'u32', '0', '0', ...police]);
  }
}

/** Back to the kernel's own queue. */
export async function removeLimits(host: Host, link: string): Promise<void> {
  for (const queue of ['root', 'ingress']) await host.exec(['tc', 'qdisc', 'del', 'dev', link, queue], { okCodes: [0, 1, 2] });
}
