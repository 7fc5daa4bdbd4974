import type { Agent } from '@asterism/proto';

/** How the API names the one member of a host without a cluster. */
export const soleMember = 'none';

/** What is known of a member beside how it is reached. */
export interface MemberFacts {
  name: string;
  architecture: string;
  online: boolean;
  /** Its node takes nothing new. */
  cordoned: boolean;
  /** It was emptied of its instances: nothing comes to it, nothing starts on it. */
  evacuated: boolean;
  groups: readonly string[];
  /** Which new instances may come to it: "all", "group" or "manual". */
  scheduler: string;
}

/** The node-agents, by member name ("none" where there is no cluster). Abstract, so that it is its own injection token. */
export abstract class Agents {
  /** Certificates of members that were removed: good no more. */
  revoked: ReadonlySet<string> = new Set();

  /** Throws "unavailable" for a member nobody knows. A former name finds the member too. */
  abstract on(member: string): Agent;
  abstract members(): readonly string[];
  /** Those that were heard of lately. */
  abstract online(): readonly string[];
  /** What placing new things asks of them. */
  abstract facts(): readonly MemberFacts[];
  /** The name that this member has now; undefined for one that nobody knows. */
  abstract nameOf(member: string): string | undefined;
  /** Asks anew who the members are. */
  abstract refresh(): Promise<void>;
  abstract close(): Promise<void>;

  get isClustered(): boolean {
    return this.members().some((member) => member !== soleMember);
  }
}
