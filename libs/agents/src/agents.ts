import type { Agent } from '@asterism/proto';

/** How the API names the one member of a host without a cluster. */
export const soleMember = 'none';

/** The node-agents, by member name ("none" where there is no cluster). Abstract, so that it is its own injection token. */
export abstract class Agents {
  /** Throws "unavailable" for a member nobody knows. A former name finds the member too. */
  abstract on(member: string): Agent;
  abstract members(): readonly string[];
  /** Those that were heard of lately. */
  abstract online(): readonly string[];
  /** Of those, the ones that new things may be placed on. */
  abstract open(): readonly string[];
  /** The name that this member has now; undefined for one that nobody knows. */
  abstract nameOf(member: string): string | undefined;
  /** Asks anew who the members are. */
  abstract refresh(): Promise<void>;
  abstract close(): Promise<void>;

  get isClustered(): boolean {
    return this.members().some((member) => member !== soleMember);
  }
}
