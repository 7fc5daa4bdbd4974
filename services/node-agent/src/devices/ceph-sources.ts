import { diskKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Argv } from '../host/commands.js';
import type { Host } from '../host/host.js';

/** A disk's source on Ceph: an image of a pool, or a path of a file system. */
export interface CephSource {
  kind: 'rbd' | 'cephfs';
  user: string;
  cluster: string;
  /** Pool or file system. */
  store: string;
  /** Image, or path without its leading slash. */
  path: string;
}

/** Undefined for other sources. */
export function cephSource(options: Readonly<Record<string, string>>): CephSource | undefined {
  const [, scheme, rest] = /^(ceph|cephfs):(.*)$/.exec(options[diskKeys.source.name] ?? '') ?? [];
  if (scheme === undefined || rest === undefined) return undefined;
  const kind = scheme === 'ceph' ? 'rbd' : 'cephfs';
  const cut = rest.indexOf('/');
  const [store, path] = cut < 0 ? [rest, ''] : [rest.slice(0, cut), rest.slice(cut + 1)];
  const [user, cluster] = [options[diskKeys.cephUserName.name] || diskKeys.cephUserName.defaultValue, options[diskKeys.cephClusterName.name] || diskKeys.cephClusterName.defaultValue];
  const isWhole = store !== '' && (kind === 'cephfs' || path !== '');
  // They become words of commands, names of files and options of a mount.
  if (!isWhole || ![user, cluster, store].every((word) => /^[\w.][\w.-]*$/.test(word)) || /^-|[,\u0000-\u001f]/.test(path)) throw new LxdError('bad-request', `Invalid source ${JSON.stringify(rest)} on Ceph`);
  return { kind, user, cluster, store, path };
}

/** Answers the block device that an image is now. */
export async function mapImage(host: Host, { user, cluster, store, path }: CephSource): Promise<string> {
  const argv: Argv = ['rbd', '--id', user, '--cluster', cluster, '--pool', store, 'map', path];
  const { stdout } = await host.exec(argv, { timeoutMs: 60_000 }).catch((error: unknown) => {
    const { message } = error as Error;
    throw new LxdError('internal', `Failed mapping Ceph RBD volume: ${message.startsWith('Failed to run') ? message : `Failed to run: ${argv.join(' ')}: ${message}`}`, { cause: error });
  });
  const device = stdout.trim().split('\n').at(-1) ?? '';
  if (!/^\/dev\/[\w/]+$/.test(device)) throw new LxdError('internal', 'Failed to detect mapped device path');
  return device;
}

export async function unmapImage(host: Host, device: string): Promise<void> {
  await host.exec(['rbd', 'unmap', device], { timeoutMs: 60_000 });
}

/** What mount(2) is told of a file system. */
export async function fileSystemMount(host: Host, source: CephSource): Promise<{ source: string; data: string }> {
  const configuration = await read(host, `/etc/ceph/${source.cluster}.conf`);
  const keyring = await read(host, `/etc/ceph/${source.cluster}.client.${source.user}.keyring`);
  const monitors = cephMonitors(configuration);
  if (monitors.length === 0) throw new LxdError('internal', "Couldn't find a CEPH mon");
  const secret = /^\s*key\s*=\s*(\S+)\s*$/m.exec(keyring)?.[1];
  if (secret === undefined || secret.includes(',')) throw new LxdError('internal', "Couldn't find a keyring entry");
  return { source: `${monitors.join(',')}:/${source.path}`, data: `name=${source.user},secret=${secret},mds_namespace=${source.store}` };
}

async function read(host: Host, path: string): Promise<string> {
  return host.files.readText(path).catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (error as Error).message;
    throw new LxdError('internal', `Failed to open ${JSON.stringify(path)}: open ${path}: ${missing}`, { cause: error });
  });
}

const monitorPort = 6789;

/** Of "mon_host" or "mon host" lines: "10.0.0.1, [v2:10.0.0.2:3300,v1:10.0.0.2:6789]". The kernel speaks the old protocol with all of them. */
export function cephMonitors(configuration: string): string[] {
  const lines = [...configuration.matchAll(/^\s*mon[ _]host\s*=\s*(.+)$/gm)].map(([, list]) => list!);
  const words = lines.flatMap((list) => list.replace(/\[((?:v\d:)[^\]]*)\]/g, '$1').split(/[\s,;]+/)).filter((word) => word !== '' && !word.startsWith('v2:'));
  return words.map((word) => word.replace(/^v1:/, '').replace(/\/\d+$/, '')).map((word) => (/(?:^[^:]+|\]):\d+$/.test(word) ? word : `${word}:${monitorPort}`));
}
