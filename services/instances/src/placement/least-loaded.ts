/** How many instances a member has, those that are on their way to it included. */
export interface Load {
  member: string;
  instances: number;
}

/** The member with the fewest; of equals the first by name. */
export function leastLoaded(loads: readonly Load[]): string | undefined {
  return [...loads].sort((a, b) => a.instances - b.instances || (a.member < b.member ? -1 : 1))[0]?.member;
}
