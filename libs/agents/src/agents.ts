import type { Agent } from '@asterism/proto';

/** The node-agents, by member name ("none" where there is no cluster). Abstract, so that it is its own injection token. */
export abstract class Agents {
  /** Throws "unavailable" for a member nobody knows. */
  abstract on(member: string): Agent;
  abstract members(): readonly string[];
  abstract close(): Promise<void>;
}
