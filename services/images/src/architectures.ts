/** LXD's names of architectures with what kernels and image builders call them. */
const architectures: Record<string, readonly string[]> = {
  i686: ['i386', 'i586', '386', 'x86', 'generic_32'],
  x86_64: ['amd64', 'generic_64'],
  armv7l: ['armel', 'armhf', 'arm', 'armhfp', 'armv7a_hardfp', 'armv7', 'armv7a_vfpv3_hardfp'],
  aarch64: ['arm64', 'arm64_generic'],
  ppc: ['powerpc'],
  ppc64: ['powerpc64', 'ppc64'],
  ppc64le: ['ppc64el'],
  s390x: ['mainframe'],
  mips: ['mipsel', 'mipsle'],
  mips64: ['mips64el', 'mips64le'],
  riscv32: [],
  riscv64: [],
};

/** LXD's own name of an architecture given by any of its names; undefined for one it does not know. */
export function knownArchitecture(name: string): string | undefined {
  return Object.entries(architectures).find(([own, aliases]) => own === name || aliases.includes(name))?.[0];
}
