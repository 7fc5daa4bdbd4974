import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { LxdError, isKind } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { formatOf, tarStream } from '../images/archive-stream.js';
import { jailed } from '../images/jail.js';
import { parseIndex } from './parse-index.js';

/** An honest index has some kilobytes for each snapshot and stays far below. */
const maxIndexBytes = 1024 * 1024;
const indexName = 'backup/index.yaml';

/** index.yaml of a backup; every scalar is text. Nothing but its form is checked here. */
export async function readIndex(host: Host, file: string): Promise<Record<string, unknown>> {
  const format = await formatOf(host, file).catch((error: unknown) => {
    throw isKind(error, 'bad-request') ? new LxdError('internal', error.message) : error; // 500 to LXD
  });
  if (format === 'qcow2') throw new LxdError('internal', 'Unsupported compression');
  const text = format === 'squashfs' ? await fromSquashfs(host, file) : await fromTar(Readable.from(tarStream(host, file, format)));
  if (text === undefined) throw new LxdError('bad-request', 'Backup is missing index.yaml');
  return parseIndex(text);
}

async function fromTar(source: Readable): Promise<string | undefined> {
  const entries = extract();
  source.on('error', (error) => entries.destroy(error));
  source.pipe(entries);
  try {
    for await (const entry of entries) {
      if (entry.header.name.replace(/^\.\//, '') !== indexName) {
        entry.resume();
        continue;
      }
      if (entry.header.type !== 'file') throw new LxdError('bad-request', 'Refused archive: index.yaml is no file');
      if ((entry.header.size ?? 0) > maxIndexBytes) throw tooLarge();
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString();
    }
    return undefined;
  } catch (error) {
    throw error instanceof LxdError ? error : new LxdError('bad-request', `Corrupt backup archive: ${(error as Error).message}`, { cause: error });
  } finally {
    source.destroy();
  }
}

async function fromSquashfs(host: Host, file: string): Promise<string | undefined> {
  const scratch = `${file}.partial`;
  await host.files.mkdir(scratch, { mode: 0o700 });
  try {
    const argv = await jailed(host, { target: scratch, image: file }, ['unsquashfs', '-n', '-q', '-cat', '/image', indexName]);
    const { stdout, code } = await host.exec(argv, { okCodes: [0, 1, 2], timeoutMs: 60_000 });
    if (stdout.length > maxIndexBytes) throw tooLarge();
    return code === 0 && stdout !== '' ? stdout : undefined;
  } finally {
    await host.files.remove(scratch);
  }
}

function tooLarge(): LxdError {
  return new LxdError('bad-request', 'Refused archive: index.yaml is too large');
}
