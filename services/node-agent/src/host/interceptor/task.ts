import { constants, readFileSync, readSync, readlinkSync } from 'node:fs';
import { openSync, closeSync } from 'node:fs';

/** Who makes a call: the thread's rights as the host sees them. */
export interface Task {
  /** Of its process. */
  pid: number;
  uid: number;
  gid: number;
  groups: number[];
  /** In its own user namespace, which is the instance's. */
  capabilities: bigint;
  umask: number;
}

/** By an open directory of /proc, which stays that of the thread; undefined where the thread is not in the user namespace of its instance. */
export function readTask(directory: number, initPid: number): Task | undefined {
  const own = `/proc/self/fd/${directory}`;
  if (readlinkSync(`${own}/ns/user`) !== readlinkSync(`/proc/${initPid}/ns/user`)) return undefined;
  const status = readFileSync(`${own}/status`, 'latin1');
  const field = (name: string): string[] => (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').trim().split(/\s+/).filter(Boolean);
  return {
    pid: Number(field('Tgid')[0]),
    uid: Number(field('Uid')[3]),
    gid: Number(field('Gid')[3]),
    groups: field('Groups').map(Number),
    capabilities: BigInt(`0x${field('CapEff')[0] ?? '0'}`),
    umask: parseInt(field('Umask')[0] ?? '022', 8),
  };
}

/** Bits of a set of capabilities. */
export const CAP = { dacOverride: 1n << 1n, dacReadSearch: 1n << 2n, netAdmin: 1n << 12n, sysChroot: 1n << 18n, sysAdmin: 1n << 21n, mknod: 1n << 27n, bpf: 1n << 39n } as const;

const pageBytes = 4096n;

/** What the thread's memory says there, as far as it goes. */
export function readMemory(memory: number, address: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let read = 0;
  // A page that is missing must not hide the one before it.
  for (let at = address; read < length; at = address + BigInt(read)) {
    const untilPageEnd = Number(pageBytes - (at % pageBytes));
    const got = readAt(memory, bytes, read, Math.min(length - read, untilPageEnd), at);
    if (got === 0) break;
    read += got;
  }
  return bytes.subarray(0, read);
}

function readAt(memory: number, bytes: Buffer, offset: number, length: number, at: bigint): number {
  try {
    return readSync(memory, bytes, offset, length, at);
  } catch {
    return 0;
  }
}

/** Text up to its zero byte; undefined where there is none within `limit`, which the kernel itself is left to say. */
export function readString(memory: number, address: bigint, limit: number): string | undefined {
  if (address === 0n) return undefined;
  const bytes = readMemory(memory, address, limit);
  const end = bytes.indexOf(0);
  return end < 0 ? undefined : bytes.toString('latin1', 0, end);
}

/** Opens what lies in the thread's directory of /proc: "root", "cwd", "fd/3". */
export function openOf(directory: number, name: string, flags = constants.O_RDONLY | constants.O_DIRECTORY): number {
  return openSync(`/proc/self/fd/${directory}/${name}`, flags);
}

export function closeAll(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) closeSync(descriptor);
}
