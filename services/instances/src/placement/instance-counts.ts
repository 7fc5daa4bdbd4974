import type { Database } from '@asterism/database';

/** Counting takes at most this share of the time: what it found is good for as much longer than it took. */
const timesAsLong = 10;

/**
 * How many instances each member has. With many instances counting them is the longest part of placing one, so that a count serves several: those that
 * were placed since are added to it, those that were deleted since are seen a moment later.
 */
export class InstanceCounts {
  #counts = new Map<string, number>();
  #goodUntil = 0;
  #counting = false;
  /** Members of those whose rows came to stand while they were being counted. */
  #cameMeanwhile: string[] = [];

  constructor(private readonly database: Pick<Database, 'query'>) {}

  /** Without those that are coming, of which nobody knows whether their rows stand by now. */
  async get(coming: readonly { project: string; name: string }[]): Promise<ReadonlyMap<string, number>> {
    if (performance.now() < this.#goodUntil) return this.#counts;
    const begun = performance.now();
    this.#counting = true;
    const rows = await this.database.query<{ member: string; instances: number }>(
      `SELECT member, sum(instances)::int AS instances FROM (
         SELECT member, count(*) AS instances FROM instances.instances GROUP BY member
         UNION ALL
         SELECT i.member, -count(*) FROM json_to_recordset($1::json) AS coming(project text, name text) JOIN instances.instances i USING (project, name) GROUP BY i.member
       ) AS counted GROUP BY member`,
      [JSON.stringify(coming)],
    ).finally(() => (this.#counting = false));
    this.#counts = new Map(rows.map(({ member, instances }) => [member, instances]));
    for (const member of this.#cameMeanwhile.splice(0)) this.#add(member);
    this.#goodUntil = performance.now() + (performance.now() - begun) * timesAsLong;
    return this.#counts;
  }

  /** The row of one that was coming stands now, and nobody counts it as coming any more. */
  came(member: string): void {
    if (this.#counting) this.#cameMeanwhile.push(member);
    this.#add(member);
  }

  #add(member: string): void {
    this.#counts.set(member, (this.#counts.get(member) ?? 0) + 1);
  }
}
