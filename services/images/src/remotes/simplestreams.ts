import { knownArchitecture } from '../architectures.js';

interface Item {
  ftype: string;
  path: string;
  sha256?: string;
  size: number;
  [combined: `combined_${string}`]: string;
}

interface Product {
  aliases?: string;
  arch: string;
  os: string;
  release: string;
  release_title?: string;
  variant?: string;
  version?: string;
  support_eol?: string;
  versions: Record<string, { label?: string; items: Record<string, Item> }>;
}

/** The document an index of simplestreams points to, as far as images of containers need it. */
export interface Products {
  products: Record<string, Product>;
}

export interface StreamImage {
  fingerprint: string;
  type: 'container' | 'virtual-machine';
  aliases: string[];
  /** LXD's name, and the stream's own. */
  architecture: string;
  streamArchitecture: string;
  serial: string;
  properties: Record<string, string>;
  createdAt: number;
  expiresAt: number;
  files: { part: 'meta' | 'rootfs' | 'rootfs.img'; path: string }[];
}

/** Root file systems beside lxd.tar.xz in the order they are preferred, with the key of the fingerprint of both together. */
const roots = [
  { ftype: 'squashfs', combined: 'combined_squashfs_sha256', type: 'container' },
  { ftype: 'root.tar.xz', combined: 'combined_rootxz_sha256', type: 'container' },
  { ftype: 'disk-kvm.img', combined: 'combined_disk-kvm-img_sha256', type: 'virtual-machine' },
] as const;

/** Every image of a products document, one per version and type. */
export function imagesOfProducts({ products }: Products): StreamImage[] {
  return Object.values(products).flatMap((product) => {
    const architecture = knownArchitecture(product.arch);
    if (!architecture) return [];
    return Object.entries(product.versions).flatMap(([serial, version]) =>
      variantsOf(Object.values(version.items)).map(({ fingerprint, type, files }) => ({
        fingerprint,
        type,
        files,
        aliases: (product.aliases ?? '').split(',').filter(Boolean),
        architecture,
        streamArchitecture: product.arch,
        serial,
        properties: propertiesOf(product, { serial, label: version.label ?? '', type: files.length > 1 && type === 'container' ? 'squashfs' : type }),
        createdAt: dateOf(serial),
        expiresAt: product.support_eol ? dateOf(product.support_eol.replaceAll('-', '')) : 0,
      })),
    );
  });
}

function variantsOf(items: Item[]): Pick<StreamImage, 'fingerprint' | 'type' | 'files'>[] {
  const unified = items.find((item) => item.ftype === 'lxd_combined.tar.gz');
  const found: Pick<StreamImage, 'fingerprint' | 'type' | 'files'>[] = [];
  if (unified?.sha256) found.push({ fingerprint: unified.sha256, type: 'container', files: [{ part: 'meta', path: unified.path }] });
  const meta = items.find((item) => item.ftype === 'lxd.tar.xz');
  for (const { ftype, combined, type } of meta ? roots : []) {
    const root = items.find((item) => item.ftype === ftype);
    const fingerprint = meta?.[combined];
    if (!root || !meta || !fingerprint || found.some((one) => one.type === type)) continue;
    found.push({ fingerprint, type, files: [{ part: 'meta', path: meta.path }, { part: type === 'container' ? 'rootfs' : 'rootfs.img', path: root.path }] });
  }
  return found.filter(({ fingerprint }) => /^[0-9a-f]{64}$/.test(fingerprint));
}

function propertiesOf(product: Product, version: { serial: string; label: string; type: string }): Record<string, string> {
  const { os, release, arch, variant } = product;
  const label = version.label === '' ? '' : ` (${version.label})`;
  return {
    os,
    release,
    architecture: arch,
    serial: version.serial,
    type: version.type,
    description: `${os} ${product.release_title ?? release} ${arch}${label} (${version.serial})`,
    ...(version.label === '' ? {} : { label: version.label }),
    ...(product.version ? { version: product.version } : {}),
    ...(variant ? { variant } : {}),
  };
}

/** Unix seconds of "20231114" or "20231114_07:42". */
function dateOf(text: string): number {
  const [, year, month, day, hour = '0', minute = '0'] = /^(\d{4})(\d\d)(\d\d)(?:[_.]?(\d\d):?(\d\d))?/.exec(text) ?? [];
  return year === undefined ? 0 : Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute)) / 1000;
}
