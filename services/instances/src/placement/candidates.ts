import type { MemberFacts } from '@asterism/agents';

/** What an instance asks of the member that it comes to. */
export interface Wanted {
  /** The group of members that it is sent to. */
  group?: string | undefined;
  /** Groups that its project may use; undefined: all. */
  allowedGroups?: readonly string[] | undefined;
  /** Those that it can run on; undefined or empty: any. */
  architectures?: readonly string[] | undefined;
}

/** Programs of the one run on hosts of the other. */
const personalities: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['i686'],
  aarch64: ['armv7l', 'armv6l'],
  armv7l: ['armv6l'],
  ppc64le: [],
  ppc64: ['ppc'],
  s390x: [],
};

/** Members that an instance may be placed on when nobody says which. */
export function candidates(members: readonly MemberFacts[], { group, allowedGroups, architectures = [] }: Wanted): string[] {
  return members
    .filter(({ online, cordoned, evacuated }) => online && !cordoned && !evacuated)
    .filter(({ scheduler, groups }) => scheduler !== 'manual' && (scheduler !== 'group' || (group !== undefined && groups.includes(group))))
    .filter(({ groups }) => group === undefined || groups.includes(group))
    .filter((member) => isAllowed(member, allowedGroups))
    .filter(({ architecture }) => architectures.length === 0 || architecture === '' || architectures.some((each) => runsOn(each, architecture)))
    .map(({ name }) => name);
}

export function isAllowed({ groups }: Pick<MemberFacts, 'groups'>, allowedGroups: readonly string[] | undefined): boolean {
  return allowedGroups === undefined || allowedGroups.some((allowed) => groups.includes(allowed));
}

function runsOn(architecture: string, host: string): boolean {
  return architecture === host || (personalities[host] ?? []).includes(architecture);
}
