import { createHash, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSignedCertificate } from '@asterism/certificates';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRemote } from './find-remote.js';
import type { RemoteImage, RemoteWish } from './remote-image.js';
import { imagesOfProducts } from './simplestreams.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const unified = sha256('unified');
const split = sha256('metaroot');
const info = { filename: 'x.tar.gz', architecture: 'x86_64', properties: { os: 'Test' }, created_at: '2023-11-14T22:13:20Z', expires_at: '0001-01-01T00:00:00Z' };
const products = {
  products: {
    'test:1': {
      aliases: 'test/1,test', arch: process.arch === 'x64' ? 'amd64' : process.arch, os: 'Test', release: 'one', release_title: '1', versions: {
        '20230101_07:42': { items: { meta: { ftype: 'lxd.tar.xz', path: 'old/meta', size: 4, combined_squashfs_sha256: sha256('old') }, root: { ftype: 'squashfs', path: 'old/root', size: 4 } } },
        '20231114_22:13': { items: { meta: { ftype: 'lxd.tar.xz', path: 'new/meta', size: 4, combined_squashfs_sha256: split, combined_rootxz_sha256: sha256('xz') }, root: { ftype: 'squashfs', path: 'new/root', size: 4 }, xz: { ftype: 'root.tar.xz', path: 'new/xz', size: 4 } } },
      },
    },
    'strange:1': { aliases: 'strange', arch: 'vax', os: 'x', release: 'x', versions: { '1': { items: {} } } },
  },
};
const bodies: Record<string, unknown> = {
  '/1.0': { metadata: {} },
  '/1.0/images/aliases/one': { metadata: { target: unified } },
  [`/1.0/images/${unified}`]: { metadata: { ...info, fingerprint: unified } },
  [`/1.0/images/${split}`]: { metadata: { ...info, fingerprint: '../../etc' } },
  '/streams/v1/index.json': { index: { a: { datatype: 'image-downloads', path: 'streams/v1/images.json' }, b: { datatype: 'other', path: 'nothing' } } },
  '/streams/v1/images.json': products,
};
const files: Record<string, string> = { [`/1.0/images/${unified}/export`]: 'unified', '/new/meta': 'meta', '/new/root': 'root' };

let server: Server;
let wish: RemoteWish;
let asked: string[] = [];
const { signal } = new AbortController();

beforeAll(async () => {
  const { certificate, key } = await selfSignedCertificate({ commonName: 'remote' });
  server = createServer({ cert: certificate, key }, (request, response) => {
    asked.push(request.url ?? '');
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path === '/1.0/images/aliases/moved') return void response.writeHead(302, { location: 'http://127.0.0.1/1.0' }).end();
    if (files[path] !== undefined) return void response.end(files[path]);
    response.writeHead(path in bodies ? 200 : 404).end(JSON.stringify(bodies[path] ?? { error: 'Image alias not found' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  wish = { server: `https://127.0.0.1:${port}`, protocol: 'lxd', certificate, alias: '', fingerprint: '', secret: '', imageType: '' };
});
afterAll(() => server.close());

async function received(image: RemoteImage): Promise<string> {
  let text = '';
  for await (const { part } of image.parts(randomUUID(), signal)) {
    text += part?.$case === 'header' ? `[${part.value.file} ${part.value.expected_fingerprint.slice(0, 8)}]` : part?.value.toString();
  }
  return text;
}

describe('an image of another LXD server', () => {
  it('is found by alias and comes with what the server says of it', async () => {
    const image = await findRemote({ ...wish, alias: 'one' }, signal);
    expect(image).toMatchObject({ fingerprint: unified, filename: 'x.tar.gz', properties: { os: 'Test' }, createdAt: 1_700_000_000, expiresAt: -62_135_596_800 });
    expect(await received(image)).toBe(`[meta ${unified.slice(0, 8)}]unified`);
  });

  it('is asked for with its secret', async () => {
    await findRemote({ ...wish, fingerprint: unified, secret: 's&t' }, signal);
    expect(asked.at(-1)).toBe(`/1.0/images/${unified}?secret=s%26t`);
  });

  it('is refused in words when it is not there, or when its name is no fingerprint', async () => {
    await expect(findRemote({ ...wish, alias: 'none' }, signal)).rejects.toThrow('Failed getting remote image info: Image not found');
    await expect(findRemote({ ...wish, fingerprint: split }, signal)).rejects.toThrow('Invalid image fingerprint');
    await expect(findRemote({ ...wish, alias: 'moved' }, signal)).rejects.toThrow('redirects');
  });

  it('is never asked of a server that cannot prove who it is', async () => {
    asked = [];
    const other = await selfSignedCertificate({ commonName: 'other' });
    const words = `Failed to connect to LXD server "${wish.server}": Get "${wish.server}/1.0": x509: certificate signed by unknown authority`;
    await expect(findRemote({ ...wish, certificate: other.certificate, alias: 'one' }, signal)).rejects.toThrow(words);
    await expect(findRemote({ ...wish, certificate: '', alias: 'one' }, signal)).rejects.toThrow(words);
    expect(asked).toEqual([]);
  });

  it('needs a server that speaks HTTPS and a protocol that is known', async () => {
    await expect(findRemote({ ...wish, server: '', alias: 'one' }, signal)).rejects.toThrow('Failed to connect to LXD server "": Get "/1.0": unsupported protocol scheme ""');
    await expect(findRemote({ ...wish, server: 'http://127.0.0.1:1', alias: 'one' }, signal)).rejects.toThrow('unsupported protocol scheme "http"');
    await expect(findRemote({ ...wish, server: 'https://127.0.0.1:1', alias: 'one' }, signal)).rejects.toThrow('connection refused');
    await expect(Promise.resolve().then(() => findRemote({ ...wish, protocol: 'bogus' }, signal))).rejects.toThrow('Unsupported protocol: bogus');
  });
});

describe('an image of a simplestreams server', () => {
  it('is the newest under its alias, in two parts', async () => {
    const image = await findRemote({ ...wish, protocol: 'simplestreams', alias: 'test' }, signal);
    expect(image).toMatchObject({ fingerprint: split, filename: 'root', createdAt: 1_699_999_980, properties: { os: 'Test', release: 'one', serial: '20231114_22:13', type: 'squashfs' } });
    expect(await received(image)).toBe(`[meta ${split.slice(0, 8)}]meta[rootfs ${split.slice(0, 8)}]root`);
  });

  it('is found by its fingerprint too, and not invented', async () => {
    expect(await findRemote({ ...wish, protocol: 'simplestreams', fingerprint: sha256('old').slice(0, 12) }, signal)).toMatchObject({ fingerprint: sha256('old') });
    await expect(findRemote({ ...wish, protocol: 'simplestreams', alias: 'strange' }, signal)).rejects.toThrow("The requested image couldn't be found");
  });

  it('is left out where its architecture or its fingerprint is none', () => {
    expect(imagesOfProducts(products as Parameters<typeof imagesOfProducts>[0]).map((image) => image.serial)).toEqual(['20230101_07:42', '20231114_22:13']);
  });
});
