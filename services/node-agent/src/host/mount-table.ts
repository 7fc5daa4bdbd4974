import { openSync, readSync } from 'node:fs';
import { hasNews } from './syscalls.js';

const pieceBytes = 64 * 1024;

let table: number | undefined;
let text: string | undefined;

/** The kernel's list of this process's mounts (proc(5), mountinfo); read again only when it tells that a mount came, went or changed. */
export function mountTable(): string {
  const isFirst = table === undefined;
  table ??= openSync('/proc/self/mountinfo', 'r');
  // Asked before it is read: what changes meanwhile is news the next time.
  if (hasNews(table) || isFirst || text === undefined) text = readWhole(table);
  return text;
}

function readWhole(file: number): string {
  const pieces: Buffer[] = [];
  for (let position = 0; ; ) {
    const piece = Buffer.allocUnsafe(pieceBytes);
    const length = readSync(file, piece, 0, piece.length, position);
    if (length === 0) return Buffer.concat(pieces).toString();
    pieces.push(piece.subarray(0, length));
    position += length;
  }
}
