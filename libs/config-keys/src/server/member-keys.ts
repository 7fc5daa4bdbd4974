import { validateConfig, type KeyTable } from '../key.js';
import { oneOf } from '../validators.js';

/** What a member of a cluster has beside the server's configuration (ClusterMember.config). */
export const memberKeys = {
  schedulerInstance: { name: 'scheduler.instance', type: 'string', description: 'Which new instances may come to the member: all, those sent to one of its groups, or those sent to itself', validate: oneOf('all', 'group', 'manual'), defaultValue: 'all', live: 'yes' },
  user: { name: 'user.*', type: 'string', description: 'Free metadata', live: 'yes' },
} satisfies KeyTable;

/** Why a member's configuration is refused, in LXD's words; undefined where it is good. */
export function invalidMemberConfig(config: Readonly<Record<string, string>>): string | undefined {
  return validateConfig(memberKeys, config, {
    unknown: (key) => `Invalid cluster configuration key ${JSON.stringify(key)}`,
    invalid: (key) => `Invalid cluster configuration key ${JSON.stringify(key)} value`,
  });
}
