import { nicBridgedKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';

type Options = Readonly<Record<string, string>>;

/** Sets the VLANs of a bridge's port: one that its untagged frames are of ("none": of none), and those it carries tagged. */
export async function applyBridgeVlans(host: Host, options: Options, { bridge, port }: { bridge: string; port: string }): Promise<void> {
  const untagged = options[nicBridgedKeys.vlan.name] ?? '';
  const tagged = vlanIds(options[nicBridgedKeys.vlanTagged.name] ?? '');
  if (untagged === '' && tagged.length === 0) return;
  const directory = `/sys/class/net/${bridge}/bridge`;
  const status = await host.files.readText(`${directory}/vlan_filtering`).catch(() => undefined);
  if (status === undefined) throw new LxdError('internal', `Failed getting bridge VLAN status for ${JSON.stringify(bridge)}: open ${directory}/vlan_filtering: no such file or directory`);
  if (status.trim() !== '1') throw new LxdError('internal', `VLAN filtering is not enabled in parent bridge ${JSON.stringify(bridge)}`);
  const own = (await host.files.readText(`${directory}/default_pvid`).catch(() => '0')).trim();
  if (untagged !== '' && own !== '0' && own !== untagged) await host.exec(['bridge', 'vlan', 'del', 'dev', port, 'vid', own]);
  if (untagged !== '' && untagged !== 'none') await host.exec(['bridge', 'vlan', 'add', 'dev', port, 'vid', untagged, 'pvid', 'untagged']);
  for (const vlan of tagged) await host.exec(['bridge', 'vlan', 'add', 'dev', port, 'vid', String(vlan)]);
}

/** "10,20-22" as [10, 20, 21, 22]. */
function vlanIds(list: string): number[] {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: Math.max(0, Math.min(last, 4094) - first + 1) }, (_, index) => first + index);
    });
}
