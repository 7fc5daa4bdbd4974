import type { Host } from '../host/host.js';
import { ArchiveRules, type ArchiveRole } from './archive-rules.js';
import { formatOf, tarStream } from './archive-stream.js';
import { TarGuard } from './tar-guard.js';

/** Larger archives are checked when they are unpacked only: reading them whole would double the time of an import. */
const maxBytes = 32 * 1024 * 1024;

/** Throws for a hostile or broken tar archive, so that a small one is refused at import already. */
export async function checkArchive(host: Host, file: string, role: ArchiveRole): Promise<void> {
  const { size } = (await host.files.stat(file)) ?? { size: 0 };
  const format = await formatOf(host, file);
  if (size > maxBytes || format === 'squashfs' || format === 'qcow2') return;
  const guard = new TarGuard(new ArchiveRules(role, size));
  for await (const chunk of tarStream(host, file, format)) {
    guard.push(chunk);
    if (guard.ended) return;
  }
  guard.finish();
}
