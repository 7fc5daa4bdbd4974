import { LxdError } from '@asterism/errors';
import type { agentFiles } from '@asterism/proto';
import type { IncomingHttpHeaders } from 'node:http';

/** What LXD tells of a file beside its content. */
export function fileHeaders(header: agentFiles.FileHeader): Record<string, string> {
  return {
    'X-LXD-uid': String(header.uid),
    'X-LXD-gid': String(header.gid),
    'X-LXD-mode': octal(header.mode),
    'X-LXD-type': header.type,
    'X-LXD-modified': goTime(header.modified_ms),
  };
}

/** The wish of a push, from its X-LXD-* headers; numbers that are none count as not given. */
export function pushHeader(headers: IncomingHttpHeaders, file: agentFiles.FileRef): agentFiles.PushHeader {
  const sent = (name: string): string => String(headers[`x-lxd-${name}`] ?? '');
  const type = sent('type') || 'file';
  const write = sent('write') || 'overwrite';
  if (!['file', 'directory', 'symlink'].includes(type)) throw new LxdError('bad-request', `Bad file type: ${type}`);
  if (!['overwrite', 'append'].includes(write)) throw new LxdError('bad-request', `Bad file write mode: ${write}`);
  return { file, type, write, uid: number(sent('uid')), gid: number(sent('gid')), mode: mode(sent('mode')) };
}

/** A push as the agent takes it: the header, then the body as it comes. */
export async function* pushFrames(header: agentFiles.PushHeader, body: AsyncIterable<Buffer>): AsyncIterable<agentFiles.PushFrame> {
  yield { part: { $case: 'header', value: header } };
  for await (const chunk of body) yield { part: { $case: 'chunk', value: chunk } };
}

function number(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : -1;
}

function mode(text: string): number {
  if (!/^0?[0-7]{1,5}$/.test(text)) return -1;
  return Number.parseInt(text, 8) & 0o7777;
}

function octal(bits: number): string {
  return (bits & 0o7777).toString(8).padStart(4, '0');
}

/** "2023-11-14 22:13:20 +0000 UTC" */
function goTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}
