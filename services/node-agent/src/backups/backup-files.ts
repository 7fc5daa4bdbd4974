import { join } from 'node:path';
import { LxdError } from '@asterism/errors';

/** Where backups lie on a member: `backups/<id>` what was written here, `backups/import-<id>` what was received; what is not whole yet ends in ".partial". */
export function backupsDirectory(stateDir: string): string {
  return join(stateDir, 'backups');
}

export function writtenFile(stateDir: string, id: string): string {
  return join(backupsDirectory(stateDir), requireId(id));
}

export function receivedFile(stateDir: string, id: string): string {
  return join(backupsDirectory(stateDir), `${receivedPrefix}${requireId(id)}`);
}

/** What is to become the file. */
export function partialOf(file: string): string {
  return `${file}${partialSuffix}`;
}

/** A directory of what goes into it. */
export function workOf(file: string): string {
  return `${file}.work${partialSuffix}`;
}

export const receivedPrefix = 'import-';
export const partialSuffix = '.partial';

function requireId(id: string): string {
  if (!/^[0-9a-f-]{36}$/.test(id)) throw new LxdError('bad-request', `Invalid backup id ${JSON.stringify(id)}`);
  return id;
}
