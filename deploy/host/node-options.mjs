import { readFileSync } from 'node:fs';

/**
 * How Node runs the servers of one host: a young generation of 4 MiB from the start. Node's own choice grows to 16 MiB and is not given
 * back after load; one of 1 MiB, all that can be set from within a process, is collected so often that short calls pay for it.
 */
export const nodeOptions = JSON.parse(readFileSync(new URL('node-options.json', import.meta.url), 'utf8'));
