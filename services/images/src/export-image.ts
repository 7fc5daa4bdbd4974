import { randomBytes } from 'node:crypto';
import type { Agent, images } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import type { ImageRow } from './image.js';

type ImageFiles = Agent['images'];

/** An image's files as the body of a download: the archive itself, or both parts of a split image as multipart/form-data. */
export async function* exportImage(call: CallContext, agent: ImageFiles, image: ImageRow): AsyncIterable<images.ExportFrame> {
  const { fingerprint } = image;
  const files = await agent.files(call, { fingerprint });
  if (files.rootfs_bytes < 0) {
    yield header({
      content_type: 'application/octet-stream',
      content_disposition: `inline;filename=${fingerprint}.${files.meta_extension}`,
      size_bytes: files.meta_bytes,
      modified_at_ms: files.modified_at_ms,
    });
    yield* contents(call, agent, { fingerprint, file: 'meta' });
    return;
  }
  const boundary = randomBytes(30).toString('hex');
  const root = image.type === 'virtual-machine' ? 'rootfs.img' : 'rootfs';
  yield header({ content_type: `multipart/form-data; boundary=${boundary}`, content_disposition: '', size_bytes: -1, modified_at_ms: 0 });
  yield chunk(partHead(boundary, 'metadata', `meta-${fingerprint}.${files.meta_extension}`));
  yield* contents(call, agent, { fingerprint, file: 'meta' });
  yield chunk(`\r\n${partHead(boundary, root, `${fingerprint}.${files.rootfs_extension}`)}`);
  yield* contents(call, agent, { fingerprint, file: 'rootfs' });
  yield chunk(`\r\n--${boundary}--\r\n`);
}

function partHead(boundary: string, name: string, filename: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
}

async function* contents(call: CallContext, agent: ImageFiles, part: { fingerprint: string; file: string }): AsyncIterable<images.ExportFrame> {
  for await (const { data } of agent.read(call, part)) yield { part: { $case: 'chunk', value: data } };
}

function header(value: images.ExportHeader): images.ExportFrame {
  return { part: { $case: 'header', value } };
}

function chunk(text: string): images.ExportFrame {
  return { part: { $case: 'chunk', value: Buffer.from(text) } };
}
