import { readFile } from 'node:fs/promises';

/** The number of a group of this host (group(5)); throws for a name nobody knows. */
export async function groupId(name: string, file = '/etc/group'): Promise<number> {
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [group, , id] = line.split(':');
    if (group === name && id !== undefined) return Number(id);
  }
  throw new Error(`no group "${name}" on this host`);
}
