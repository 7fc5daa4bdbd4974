import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { busyboxImage } from '@asterism/images/busybox';
import type { TestServer } from '../../servers/server.js';
import { timed } from '../bench.js';
import type { Bench } from '../bench.js';

const sizeMiB = 170;
let archive: Promise<Buffer> | undefined;

/** An image of 170 MiB that does not compress. */
async function image(): Promise<Buffer> {
  archive ??= busyboxImage(readFileSync('/bin/busybox'), { description: 'Large', files: [{ path: '/ballast', content: randomBytes(sizeMiB << 20) }] });
  return await archive;
}

async function importImage(server: TestServer): Promise<string> {
  const answer = await server.client.send({ method: 'POST', path: '/1.0/images', headers: { 'Content-Type': 'application/octet-stream' }, body: await image() });
  const operation = await server.client.wait((JSON.parse(answer.body.toString()) as { operation: string }).operation);
  return String(operation.metadata?.['fingerprint']);
}

export const images: Bench[] = [
  {
    name: 'import 170 MiB tar.gz',
    group: 'images',
    unit: 'ms',
    repetitions: 4,
    aim: { atMost: 1 },
    sample: async (server) => {
      await image();
      let fingerprint = '';
      const time = await timed(async () => (fingerprint = await importImage(server)));
      await server.client.change('DELETE', `/1.0/images/${fingerprint}`);
      return time;
    },
  },
  {
    name: 'export 170 MiB',
    group: 'images',
    unit: 'MiB/s',
    repetitions: 12,
    aim: { atLeast: 1 },
    sample: async (server) => {
      const fingerprint = await importImage(server);
      let size = 0;
      const time = await timed(async () => (size = await server.client.length(`/1.0/images/${fingerprint}/export`)));
      await server.client.change('DELETE', `/1.0/images/${fingerprint}`);
      return (size / (1 << 20) / time) * 1000;
    },
  },
];
