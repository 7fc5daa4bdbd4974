import { pack, type Header } from 'tar-stream';

/** An entry of an archive under test: tar-stream's header and its contents. */
export type TestEntry = Partial<Header> & { name: string } & { content?: string };

const metadata: TestEntry = { name: 'metadata.yaml', content: 'architecture: x86_64\ncreation_date: 1\nproperties: {}\n' };
const honest: TestEntry[] = [
  metadata,
  { name: 'rootfs', type: 'directory' },
  { name: 'rootfs/etc', type: 'directory' },
  { name: 'rootfs/etc/hostname', content: 'honest\n' },
];

export async function tarOf(entries: TestEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export const honestArchive = (): Promise<Buffer> => tarOf(honest);

export function withEntries(...entries: TestEntry[]): Promise<Buffer> {
  return tarOf([...honest, ...entries]);
}

/** A header block with a right checksum, for what tar-stream refuses to write. */
export function rawHeader(fields: { name: string; typeFlag: string; size?: number; linkName?: string; realSize?: number }): Buffer {
  const block = Buffer.alloc(512);
  block.write(fields.name, 0, 100, 'latin1');
  block.write('0000644\0' + '0000000\0' + '0000000\0', 100);
  block.write(`${(fields.size ?? 0).toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write(fields.typeFlag, 156);
  block.write(fields.linkName ?? '', 157, 100, 'latin1');
  block.write('ustar  \0', 257);
  if (fields.realSize !== undefined) {
    block[483] = 0x80;
    block.writeBigUInt64BE(BigInt(fields.realSize), 487);
  }
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function pax(records: Record<string, string>, typeFlag = 'x'): Buffer {
  let body = '';
  for (const [key, value] of Object.entries(records)) {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length + 2;
    while (`${length}${rest}`.length !== length) length++;
    body += `${length}${rest}`;
  }
  return Buffer.concat([rawHeader({ name: 'pax', typeFlag, size: body.length }), Buffer.from(body), Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

/** The honest archive without its end, then these blocks, then an end. */
async function withBlocks(...blocks: Buffer[]): Promise<Buffer> {
  const archive = await honestArchive();
  return Buffer.concat([archive.subarray(0, archive.length - 1024), ...blocks, Buffer.alloc(1024)]);
}

export interface HostileArchive {
  what: string;
  bytes: () => Promise<Buffer>;
  refusal: RegExp;
}

const outside = '/tmp/asterism-hostile-outside';

/** One archive per way out that the LXD family and tar have known. Each must be refused and leave nothing. */
export const hostileArchives: HostileArchive[] = [
  { what: '".." in a name', bytes: () => withEntries({ name: 'rootfs/../../../escaped', content: 'x' }), refusal: /"\.\." in name/ },
  { what: '".." as the first part', bytes: () => withEntries({ name: '../escaped', content: 'x' }), refusal: /"\.\." in name/ },
  { what: 'an absolute name', bytes: () => withBlocks(rawHeader({ name: outside, typeFlag: '0' })), refusal: /absolute name/ },
  {
    what: 'an absolute name in a pax header',
    bytes: () => withBlocks(pax({ path: outside }), rawHeader({ name: 'rootfs/innocent', typeFlag: '0' })),
    refusal: /absolute name/,
  },
  {
    what: 'an absolute GNU sparse name',
    bytes: () => withBlocks(pax({ path: 'rootfs/innocent', 'GNU.sparse.name': outside }), rawHeader({ name: 'x', typeFlag: '0' })),
    refusal: /absolute name/,
  },
  {
    what: 'an absolute GNU long name',
    bytes: () => withBlocks(rawHeader({ name: '././@LongLink', typeFlag: 'L', size: outside.length }), Buffer.from(outside.padEnd(512, '\0')), rawHeader({ name: 'rootfs/innocent', typeFlag: '0' })),
    refusal: /absolute name/,
  },
  { what: 'a name in a global pax header', bytes: () => withBlocks(pax({ path: outside }, 'g'), rawHeader({ name: 'rootfs/x', typeFlag: '0' })), refusal: /global pax header/ },
  {
    what: 'writing through a symlink',
    bytes: () => withEntries({ name: 'rootfs/door', type: 'symlink', linkname: '/tmp' }, { name: 'rootfs/door/escaped', content: 'x' }),
    refusal: /passes through a symlink/,
  },
  {
    what: 'a root file system that is a symlink',
    bytes: () => tarOf([metadata, { name: 'rootfs', type: 'symlink', linkname: '/tmp' }]),
    refusal: /unexpected symlink/,
  },
  { what: 'metadata.yaml as a symlink', bytes: () => tarOf([{ name: 'metadata.yaml', type: 'symlink', linkname: '/etc/shadow' }]), refusal: /unexpected symlink/ },
  { what: 'a template that is a symlink', bytes: () => withEntries({ name: 'templates/t.tpl', type: 'symlink', linkname: '/etc/shadow' }), refusal: /unexpected symlink/ },
  { what: 'templates that are a symlink', bytes: () => withEntries({ name: 'templates', type: 'symlink', linkname: '/etc' }), refusal: /unexpected symlink/ },
  { what: 'a hard link to an absolute path', bytes: () => withEntries({ name: 'rootfs/shadow', type: 'link', linkname: '/etc/shadow' }), refusal: /absolute hard link/ },
  { what: 'a hard link with ".."', bytes: () => withEntries({ name: 'rootfs/shadow', type: 'link', linkname: 'rootfs/../../etc/shadow' }), refusal: /"\.\." in hard link/ },
  { what: 'a hard link to nothing', bytes: () => withEntries({ name: 'rootfs/shadow', type: 'link', linkname: 'rootfs/later' }), refusal: /hard link leads/ },
  { what: 'a hard link to the metadata', bytes: () => withEntries({ name: 'rootfs/meta', type: 'link', linkname: 'metadata.yaml' }), refusal: /hard link leads/ },
  {
    what: 'a hard link through a symlink',
    bytes: () => withEntries({ name: 'rootfs/door', type: 'symlink', linkname: '/etc' }, { name: 'rootfs/shadow', type: 'link', linkname: 'rootfs/door/shadow' }),
    refusal: /hard link passes through a symlink/,
  },
  { what: 'metadata.yaml twice', bytes: () => withEntries(metadata), refusal: /duplicate entry/ },
  { what: 'a file that becomes a symlink', bytes: () => withEntries({ name: 'rootfs/etc/hostname', type: 'symlink', linkname: '/etc/passwd' }), refusal: /duplicate entry/ },
  { what: 'a directory that becomes a symlink', bytes: () => withEntries({ name: 'rootfs/etc', type: 'symlink', linkname: '/etc' }), refusal: /duplicate entry/ },
  { what: 'a newline in a name', bytes: () => withEntries({ name: 'rootfs/a\nlxc.hook.pre-start=x', content: 'x' }), refusal: /control character/ },
  { what: 'a sparse file of exabytes', bytes: () => withBlocks(rawHeader({ name: 'rootfs/huge', typeFlag: 'S', realSize: 2 ** 52 })), refusal: /unpacks to far more/ },
  { what: 'a file of gigabytes in a small archive', bytes: () => withBlocks(rawHeader({ name: 'rootfs/zeros', typeFlag: '0', size: 3 * 1024 ** 3 })), refusal: /unpacks to far more/ },
  { what: 'an entry of a type no image has', bytes: () => withBlocks(rawHeader({ name: 'rootfs/x', typeFlag: 'D' })), refusal: /unsupported entry type/ },
  { what: 'a directory with contents', bytes: () => withBlocks(rawHeader({ name: 'rootfs/x', typeFlag: '5', size: 512 }), Buffer.alloc(512)), refusal: /directory with contents/ },
  { what: 'no root file system', bytes: () => tarOf([metadata]), refusal: /missing a rootfs/ },
  { what: 'no metadata', bytes: () => tarOf(honest.slice(1)), refusal: /missing metadata\.yaml/ },
  { what: 'an end in the middle of a file', bytes: async () => (await honestArchive()).subarray(0, 512 * 5), refusal: /unexpected end/ },
  {
    what: 'a broken checksum',
    bytes: async () => {
      const archive = await honestArchive();
      archive[0]! ^= 1;
      return archive;
    },
    refusal: /checksum/,
  },
  { what: 'no archive at all', bytes: async () => Buffer.from('not an image at all'), refusal: /Unsupported compression/ },
];
