import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Membership } from '@asterism/service';

/** In the state directory of a host whose control plane is a cluster's. */
const fileOf = (stateDir: string): string => join(stateDir, 'member.json');
/** What the API of every member shows. */
const apiFiles = (stateDir: string): { certificate: string; key: string } => ({ certificate: join(stateDir, 'cluster.crt'), key: join(stateDir, 'cluster.key') });

/** Undefined for a host of its own. */
export async function readMembership(stateDir: string): Promise<Membership | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(stateDir), 'utf8')) as Membership;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeMembership(stateDir: string, membership: Membership): Promise<void> {
  const { certificate, key } = apiFiles(stateDir);
  await write(key, membership.api_key, 0o600);
  await write(certificate, membership.api_certificate, 0o644);
  await write(fileOf(stateDir), JSON.stringify(membership), 0o600);
}

export async function removeMembership(stateDir: string): Promise<void> {
  const { certificate, key } = apiFiles(stateDir);
  for (const path of [fileOf(stateDir), certificate, key]) await rm(path, { force: true });
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
