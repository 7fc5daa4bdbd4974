import type { agentBackups, backups } from '@asterism/proto';
import type { FastifyReply } from 'fastify';
import { projectOf, streamOf, type ApiRequest } from './request.js';
import { sendFrames, type Frame } from './streams.js';

/** Whether a POST brings an archive instead of JSON. */
export function isArchive(request: ApiRequest): boolean {
  return (request.headers['content-type'] ?? '').startsWith('application/octet-stream');
}

export function headerOf(request: ApiRequest, name: string): string {
  return String(request.headers[name] ?? '');
}

/** The archive as services take it: what it should become, then the body as it comes. */
export async function* backupFrames(request: ApiRequest, pool: string): AsyncIterable<backups.BackupUpload> {
  yield { part: { $case: 'header', value: { project: projectOf(request), pool, name: headerOf(request, 'x-lxd-name') } } };
  for await (const chunk of streamOf(request)) yield { part: { $case: 'chunk', value: chunk } };
}

/** A backup's file as the body of the answer. */
export async function sendBackup(file: AsyncIterable<agentBackups.BackupFile>, reply: FastifyReply): Promise<void> {
  await sendFrames(withHeader(file), reply, ({ size_bytes, modified_at_ms }) => {
    reply.header('Content-Type', 'application/octet-stream').header('Content-Disposition', 'inline;filename=').header('Accept-Ranges', 'bytes').header('Content-Length', size_bytes);
    reply.header('Last-Modified', new Date(modified_at_ms).toUTCString());
    return undefined;
  });
}

async function* withHeader(file: AsyncIterable<agentBackups.BackupFile>): AsyncIterable<Frame<agentBackups.BackupFacts>> {
  for await (const { part } of file) {
    if (part?.$case === 'facts') yield { part: { $case: 'header', value: part.value } };
    else if (part) yield { part };
  }
}
