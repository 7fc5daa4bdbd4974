import { isTrue, nicMacvlanKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { linkName, runIp } from '../networks/links.js';

type Options = Readonly<Record<string, string>>;

const { parent: parentKey, vlan: vlanKey, gvrp: gvrpKey } = nicMacvlanKeys;

/** The link of the host that a nic is built on: its parent, or the VLAN of it that the options name. */
export function parentName(options: Options): string {
  const parent = linkName(options[parentKey.name] ?? '');
  return options[vlanKey.name] ? linkName(`${parent}.${options[vlanKey.name]}`) : parent;
}

/** Makes the VLAN's link where it is not there; `created` says so, for who takes it away again. */
export async function ensureParent(host: Host, options: Options): Promise<{ link: string; created: boolean }> {
  const parent = linkName(options[parentKey.name] ?? '');
  if (!(await host.links.exists(parent))) throw new LxdError('internal', `Parent device '${parent}' doesn't exist`);
  const link = parentName(options);
  const vlan = options[vlanKey.name];
  if (!vlan || (await host.links.exists(link))) return { link, created: false };
  const gvrp = isTrue(options[gvrpKey.name]) ? ['gvrp', 'on'] : [];
  await runIp(host, [['link', 'add', 'link', parent, 'name', link, 'up', 'type', 'vlan', 'id', vlan, ...gvrp]]).catch((error: unknown) => {
    throw new LxdError('internal', `Failed to create VLAN interface ${JSON.stringify(link)} on ${JSON.stringify(parent)}: ${(error as Error).message}`, { cause: error });
  });
  return { link, created: true };
}

/** Takes away a VLAN's link that was made for a nic, unless others stand on it. */
export async function releaseParent(host: Host, options: Options): Promise<void> {
  if (!isTrue(options['last_state.created']) || !options[vlanKey.name]) return;
  const link = parentName(options);
  const above = await host.files.readdir(`/sys/class/net/${link}`).catch(() => []);
  if (!above.some((name) => name.startsWith('upper_'))) await host.links.delete(link);
}
