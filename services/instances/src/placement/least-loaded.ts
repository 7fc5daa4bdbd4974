/** How many instances a member has, those that are on their way to it included. */
export interface Load {
  member: string;
  instances: number;
}

/** The member with the fewest; of equals the first by name. */
export function leastLoaded(loads: readonly Load[]): string | undefined {
  let least: Load | undefined;
  for (const load of loads) if (!least || load.instances < least.instances || (load.instances === least.instances && load.member < least.member)) least = load;
  return least?.member;
}
