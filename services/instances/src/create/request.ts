import { LxdError } from '@asterism/errors';
import type { instances } from '@asterism/proto';

/** LXD's names of architectures, each with the kernel's. */
const architectures: readonly string[] = ['x86_64', 'i686', 'armv7l', 'aarch64', 'ppc', 'ppc64', 'ppc64le', 's390x', 'mips', 'mips64', 'riscv32', 'riscv64'];
const aliases: Readonly<Record<string, string>> = { amd64: 'x86_64', i386: 'i686', armhf: 'armv7l', arm64: 'aarch64', ppc64el: 'ppc64le' };

/** The architecture's own name; undefined for none that is known. */
export function knownArchitecture(name: string | undefined): string | undefined {
  const own = aliases[name ?? ''] ?? name ?? '';
  return architectures.includes(own) ? own : undefined;
}

export function requireArchitecture(name: string): void {
  if (name !== '' && !knownArchitecture(name)) throw new LxdError('internal', `Architecture isn't supported: ${name}`);
}

/** The type the body or the collection asks for. */
export function instanceType(request: Pick<instances.CreateInstance, 'type' | 'view'>): string {
  const byView = request.view === 'virtual-machines' ? 'virtual-machine' : 'container';
  const type = request.type || byView;
  if (type !== 'container' && type !== 'virtual-machine') throw new LxdError('bad-request', 'Invalid instance type');
  return type;
}
