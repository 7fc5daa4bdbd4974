import { closeSync, openSync, statfsSync, statSync } from 'node:fs';
import { spawn } from '../commands.js';
import { cloneMount, MOUNT_ATTR, setMountAttributes } from '../syscalls.js';

/** Whether this host is to do without idmapped mounts; the name's second half is the reference's. For tests, and for kernels whose support is broken. */
export function withoutIdmappedMounts(env: NodeJS.ProcessEnv = process.env): boolean {
  return /^(?:1|true|yes|on)$/i.test(env['ASTERISM_IDMAPPED_MOUNTS_DISABLE'] ?? '');
}

/** Asks the kernel, once for each file system, whether it shows it with other ids. */
export class IdmapProbe {
  readonly #answers = new Map<string, boolean>();
  #namespace: Promise<number> | undefined;

  async canMap(path: string): Promise<boolean> {
    if (withoutIdmappedMounts()) return false;
    const key = `${statSync(path).dev}:${statfsSync(path).type}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const can = this.#try(path, await (this.#namespace ??= openNamespace()));
    this.#answers.set(key, can);
    return can;
  }

  #try(path: string, namespace: number): boolean {
    const tree = cloneMount(path, false);
    try {
      setMountAttributes(tree, MOUNT_ATTR.idmap, false, namespace);
      return true;
    } catch {
      return false;
    } finally {
      closeSync(tree);
    }
  }
}

/** A user namespace with a map, which stays as long as it is open; only a process can make one. */
async function openNamespace(): Promise<number> {
  const holder = spawn(['unshare', '--user', '--map-root-user', 'cat']);
  try {
    holder.stdin.write('x');
    for await (const _ of holder.stdout) return openSync(`/proc/${holder.pid}/ns/user`, 'r');
    throw new Error('No user namespace can be made');
  } finally {
    holder.kill('SIGKILL');
    await holder.ended;
  }
}
