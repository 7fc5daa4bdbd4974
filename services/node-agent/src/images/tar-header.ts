import { LxdError } from '@asterism/errors';

export const tarBlockBytes = 512;

/** Type flags of tar that are entries of the file system. */
export type TarKind = 'file' | 'hardlink' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';

/** One header block as it stands; names are latin1, so that every byte of them is one character. */
export interface TarHeader {
  name: string;
  linkName: string;
  /** One character, '0' also for the old NUL. */
  typeFlag: string;
  size: number;
  /** Of old GNU sparse files: how large the file is once written. */
  realSize: number | undefined;
  /** Of old GNU sparse files: a further block of the map follows the header. */
  isExtended: boolean;
  /** Of device nodes: the device 0:0. */
  isNullDevice: boolean;
}

const kinds: Record<string, TarKind> = {
  '0': 'file', '7': 'file', S: 'file', '1': 'hardlink', '2': 'symlink', '3': 'character-device', '4': 'block-device', '5': 'directory', '6': 'fifo',
};

export function kindOf(typeFlag: string): TarKind | undefined {
  return kinds[typeFlag];
}

export function corrupt(what: string): LxdError {
  return new LxdError('bad-request', `Corrupt tar archive: ${what}`);
}

export function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

export function parseTarHeader(block: Buffer): TarHeader {
  if (!checksumHolds(block)) throw corrupt('wrong header checksum');
  const typeFlag = block[156] === 0 ? '0' : String.fromCharCode(block[156]!);
  const magic = text(block, 257, 8);
  const isGnu = block.subarray(257, 265).toString('latin1') === 'ustar  \0';
  const prefix = magic.startsWith('ustar') && !isGnu ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    name: prefix ? `${prefix}/${name}` : name,
    linkName: text(block, 157, 100),
    typeFlag,
    size: number(block, 124, 12),
    realSize: typeFlag === 'S' ? number(block, 483, 12) : undefined,
    isExtended: typeFlag === 'S' && block[482] !== 0,
    isNullDevice: (typeFlag === '3' || typeFlag === '4') && number(block, 329, 8) === 0 && number(block, 337, 8) === 0,
  };
}

/** Whether another block of an old GNU sparse map follows this one. */
export function sparseMapGoesOn(block: Buffer): boolean {
  return block[504] !== 0;
}

/** The records of a pax header: "<length> <key>=<value>\n"; of a repeated key the last one counts. */
export function parsePaxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? '' : bytes.toString('latin1', at, space);
    const end = at + Number(digits);
    if (!/^[0-9]{1,8}$/.test(digits) || end > bytes.length || end <= space || bytes[end - 1] !== 0x0a) throw corrupt('malformed pax header');
    const record = bytes.toString('latin1', space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals <= 0) throw corrupt('malformed pax header');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return records;
}

export function parseDecimal(value: string, what: string): number {
  if (!/^[0-9]{1,16}$/.test(value) || !Number.isSafeInteger(Number(value))) throw corrupt(`${what} is not a number`);
  return Number(value);
}

function checksumHolds(block: Buffer): boolean {
  let sum = 8 * 0x20;
  for (let at = 0; at < tarBlockBytes; at++) if (at < 148 || at >= 156) sum += block[at]!;
  const field = text(block, 148, 8).trim();
  return /^[0-7]+$/.test(field) && parseInt(field, 8) === sum;
}

function text(block: Buffer, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end);
}

/** Octal digits, or base 256 where the first bit is set. */
function number(block: Buffer, offset: number, length: number): number {
  if (block[offset]! >= 0x80) {
    if (block[offset] !== 0x80) throw corrupt('negative or absurd size');
    let value = 0n;
    for (let at = offset + 1; at < offset + length; at++) value = value * 256n + BigInt(block[at]!);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt('negative or absurd size');
    return Number(value);
  }
  const digits = text(block, offset, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw corrupt('size is not a number');
  return digits === '' ? 0 : parseInt(digits, 8);
}
