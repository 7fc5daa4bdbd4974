import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import { parse } from 'yaml';
import { hostId, type IdRange } from '../../devices/device.js';
import type { GuestFiles } from '../../host/guest-files.js';
import { renderTemplate } from './render-template.js';

type InstanceSpec = agentInstances.InstanceSpec;

interface TemplateEntry {
  when?: string[];
  create_only?: boolean;
  template?: string;
  properties?: Record<string, string>;
}

const maxBytes = 1024 * 1024;

/** File templates of images: rendered into the root file system before a start. Archive and guest are not trusted: every path is taken inside their root. */
export class InstanceTemplates {
  constructor(private readonly guests: GuestFiles) {}

  /**
   * @param triggers "start" and, after them, "create", "copy" or "rename"
   * @param onDisk what ids on disk stand for
   */
  async apply(spec: InstanceSpec, triggers: string[], onDisk: readonly IdRange[]): Promise<void> {
    const metadata = await this.read(spec.volume_path, '/metadata.yaml');
    if (metadata === undefined) return;
    const parsed = parse(metadata.toString(), { maxAliasCount: 20 }) as { templates?: Record<string, TemplateEntry> | null; properties?: Record<string, string> } | null;
    for (const [path, entry] of Object.entries(parsed?.templates ?? {})) {
      if (!entry?.template || !entry.when?.some((when) => triggers.includes(when))) continue;
      await this.write({ spec, onDisk }, path, entry, triggers[0]!, parsed?.properties ?? {});
    }
  }

  private async write({ spec, onDisk }: { spec: InstanceSpec; onDisk: readonly IdRange[] }, path: string, entry: TemplateEntry, trigger: string, image: Record<string, string>): Promise<void> {
    if (entry.template!.includes('/')) throw new LxdError('bad-request', `Invalid template name "${entry.template}"`);
    const source = await this.read(spec.volume_path, `/templates/${entry.template}`);
    if (source === undefined) throw new LxdError('not-found', `Template "${entry.template}" of ${path} is missing`);
    const root = { root: `${spec.volume_path}/rootfs`, owner: { uid: hostId(onDisk, 'isUid', 0), gid: hostId(onDisk, 'isGid', 0) } };
    if (entry.create_only && (await this.guests.request(root, { op: 'open-read', path }).then(async ({ fd }) => (fd === undefined ? true : (await this.guests.close(fd), true)), () => false))) return;
    const text = renderTemplate(source.toString(), {
      trigger,
      path,
      container: facts(spec),
      instance: facts(spec),
      config: spec.config,
      devices: Object.fromEntries(Object.entries(spec.devices).map(([name, device]) => [name, device.options])),
      properties: entry.properties ?? image,
    });
    const { fd } = await this.guests.request(root, { op: 'open-write', path, append: false });
    try {
      await this.guests.write(fd!, Buffer.from(text));
    } finally {
      await this.guests.close(fd!);
    }
  }

  private async read(root: string, path: string): Promise<Buffer | undefined> {
    const { fd } = await this.guests.request({ root, owner: { uid: 0, gid: 0 } }, { op: 'open-read', path }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { fd: undefined };
      throw error;
    });
    if (fd === undefined) return undefined;
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of this.guests.read(fd)) {
      bytes += part.length;
      if (bytes > maxBytes) throw new LxdError('bad-request', `${path} is larger than 1 MiB`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  }
}

function facts(spec: InstanceSpec): Record<string, string> {
  return {
    name: spec.name,
    type: spec.type,
    architecture: spec.architecture,
    privileged: String(spec.config['security.privileged'] === 'true'),
    ephemeral: String(spec.ephemeral),
  };
}
