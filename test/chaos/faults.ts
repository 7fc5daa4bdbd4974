import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { asterism } from '../servers/asterism.js';
import type { ServerKind, TestServer } from '../servers/server.js';

/**
 * A server whose state directory is a file system of its own, so small that it can be filled in no time.
 * @param database whether PostgreSQL lies on it too.
 */
export function onSmallDisk(megabytes: number, { database }: { database: boolean }): ServerKind {
  const prepare = `mkdir -p "$0" "$0.database" && chmod 711 "$0.database"
if ! mountpoint -q "$0"; then
  truncate -s ${megabytes}M "$0.disk" && mkfs.ext4 -q -m 0 "$0.disk" && mount -o loop "$0.disk" "$0" && rmdir "$0/lost+found"
  ${database ? ':' : 'ln -s "$0.database" "$0/database"'}
fi
exec "$@"`;
  return { ...asterism, mounts: true, command: (state) => ['sh', '-c', prepare, state, ...asterism.command(state)] };
}

/** Lets a directory's file system have so many KiB left; 0 for none at all. */
export async function fill(server: TestServer, directory: string, leftKiB: number): Promise<void> {
  const filler = join(directory, '.filler');
  // The file grows until there is no room, block by block at the end, and then gives back what is to be left.
  await server.shell(`{ dd if=/dev/zero of=${filler} bs=1M; dd if=/dev/zero bs=4k >> ${filler}; sync -f ${filler}; dd if=/dev/zero bs=4k >> ${filler}; truncate -s -${leftKiB}K ${filler}; sync -f ${filler}; } 2>/dev/null`);
}

export async function makeRoom(server: TestServer, directory: string): Promise<void> {
  await server.shell(`rm -f ${join(directory, '.filler')}; sync -f ${directory}`);
}

/** Somebody else who takes every connection of PostgreSQL there is, and each that gets free, until stopped. */
export class Hogs {
  readonly #shell: ChildProcess;

  constructor(server: TestServer, count: number) {
    // An idle session: PostgreSQL notices at once when its client is gone.
    const one = `while :; do sleep 600 | PGAPPNAME=hog psql -h ${join(server.stateDirectory, 'database')} -U postgres -d postgres -q >/dev/null 2>&1; sleep 0.05; done`;
    const [file, ...args] = server.host.inside(['sh', '-c', `for i in $(seq ${count}); do ( ${one} ) & done; read stop; kill 0`]);
    this.#shell = spawn(file ?? '', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#shell.once('exit', resolve));
    this.#shell.stdin?.end('stop\n');
    await gone;
  }
}
