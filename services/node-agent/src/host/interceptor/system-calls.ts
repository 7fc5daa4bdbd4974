/** The calls that can be intercepted. */
export type CallName = 'mknod' | 'mknodat' | 'setxattr' | 'mount' | 'bpf';

/** Their numbers by the kernel's name for a table of calls (AUDIT_ARCH_*). Arguments lie alike in all of them. */
const tables: ReadonlyMap<number, ReadonlyMap<number, CallName>> = new Map([
  [0xc000003e, numbered({ mknod: 133, mknodat: 259, setxattr: 188, mount: 165, bpf: 321 })], // x86_64
  [0x40000003, numbered({ mknod: 14, mknodat: 297, setxattr: 226, mount: 21, bpf: 357 })], // i386
  [0xc00000b7, numbered({ mknodat: 33, setxattr: 5, mount: 40, bpf: 280 })], // aarch64
  [0x40000028, numbered({ mknod: 14, mknodat: 324, setxattr: 226, mount: 21, bpf: 386 })], // arm
]);

function numbered(calls: Partial<Record<CallName, number>>): ReadonlyMap<number, CallName> {
  return new Map(Object.entries(calls).map(([name, number]) => [number, name as CallName]));
}

/** Undefined for a call that is none of them: programs of other architectures are left to the kernel. */
export function callName(architecture: number, number: number): CallName | undefined {
  return tables.get(architecture)?.get(number);
}
