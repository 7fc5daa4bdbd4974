import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { Host } from '../../host/host.js';
import type { InstanceLayout } from '../instance-layout.js';

type InstanceSpec = agentInstances.InstanceSpec;

/** The administrator's own rules of the profile, one a line; restricted projects refuse the key. */
export function apparmorRules(config: Readonly<Record<string, string>>): string[] {
  const rules = (config[instanceKeys.rawApparmor.name] ?? '').split(/\r?\n/).map((rule) => rule.replaceAll('\t', ' ').trim());
  return rules.filter((rule) => rule !== '');
}

/** A profile as LXC makes it, which ends with its own rules, with others in their place; undefined when it ends otherwise. */
export function withRules(profile: string, before: readonly string[], rules: readonly string[]): string | undefined {
  const end = (lines: readonly string[]): string => [...lines, '}', ''].join('\n');
  return profile.endsWith(`\n${end(before)}`) ? profile.slice(0, -end(before).length) + end(rules) : undefined;
}

/** Brings changed rules to a running container. Those that the parser refuses are not kept. */
export async function updateProfile(host: Host, layout: InstanceLayout, before: InstanceSpec, wish: InstanceSpec): Promise<void> {
  const [old, rules] = [apparmorRules(before.config), apparmorRules(wish.config)];
  const directory = `${layout.link(wish)}/apparmor`;
  if (old.join('\n') === rules.join('\n') || !(await host.files.exists(directory))) return;
  for (const name of (await host.files.readdir(directory)).filter((file) => file.startsWith('lxc-'))) {
    const path = `${directory}/${name}`;
    const profile = await host.files.readText(path);
    const changed = withRules(profile, old, rules);
    if (changed === undefined) throw new LxdError('internal', `The AppArmor profile in ${path} is not as it was made`);
    await host.files.write(path, changed);
    try {
      await host.exec(['apparmor_parser', '--replace', path]);
    } catch (error) {
      await host.files.write(path, profile);
      throw error;
    }
  }
}
