import { createHash } from 'node:crypto';

/** An instance that was not made through the API: everything about it follows from its number, so that database and simulator agree without talking. */
export interface LoadedInstance {
  id: string;
  project: string;
  name: string;
  member: string;
  running: boolean;
}

/** A project with a limit: every tenth instance is there. */
export const limitedProject = 'lab';
/** Of sixteen. */
const runningOf = 'c';

/** Name of the simulated member of a number from 1. */
export function memberName(number: number): string {
  return `m${String(number).padStart(4, '0')}`;
}

/** Every member has a loopback address of its own. */
export function memberAddress(number: number): string {
  return `127.1.${Math.floor(number / 250)}.${(number % 250) + 1}:8443`;
}

export function loadedInstance(seed: string, index: number, members: number): LoadedInstance {
  const hash = createHash('md5').update(`${seed}-${index}`).digest('hex');
  return {
    id: hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    project: index % 10 === 9 ? limitedProject : 'default',
    name: `loaded-${index}`,
    member: memberName((index % members) + 1),
    running: hash < runningOf,
  };
}

/** The same in PostgreSQL: columns id, project, name, member, status, status_code of `n`. */
export function loadedInstanceSql(seed: string, { from, to, members }: { from: number; to: number; members: number }): string {
  return `SELECT md5('${seed}-' || n)::uuid AS id, CASE WHEN n % 10 = 9 THEN '${limitedProject}' ELSE 'default' END AS project, 'loaded-' || n AS name,
      'm' || lpad((n % ${members} + 1)::text, 4, '0') AS member, md5('${seed}-' || n) AS hash,
      CASE WHEN md5('${seed}-' || n) COLLATE "C" < '${runningOf}' THEN 'Running' ELSE 'Stopped' END AS status,
      CASE WHEN md5('${seed}-' || n) COLLATE "C" < '${runningOf}' THEN 103 ELSE 102 END AS status_code
    FROM generate_series(${from}, ${to - 1}) AS n`;
}
