import { LxdError, fromUnknown } from '@asterism/errors';
import { knownArchitecture } from '../architectures.js';
import { RemoteHttp } from './remote-http.js';
import type { RemoteImage, RemoteWish } from './remote-image.js';
import { imagesOfProducts, type Products, type StreamImage } from './simplestreams.js';

interface Index {
  index: Record<string, { datatype: string; path: string }>;
}

/** Finds an image on a simplestreams server. Throws in LXD's words. */
export async function findOnSimplestreams(wish: RemoteWish, signal: AbortSignal): Promise<RemoteImage> {
  const http = new RemoteHttp(wish.server, wish.certificate);
  try {
    const found = bestOf(await allImages(http, signal), wish);
    if (!found) throw new LxdError('not-found', "The requested image couldn't be found");
    return remoteImage(http, found);
  } catch (error) {
    const { kind, message } = fromUnknown(error);
    throw new LxdError(kind, `Failed getting remote image info: Failed getting image: ${message}`);
  }
}

async function allImages(http: RemoteHttp, signal: AbortSignal): Promise<StreamImage[]> {
  const { index } = await http.json<Index>('/streams/v1/index.json', signal);
  const found: StreamImage[] = [];
  for (const { datatype, path } of Object.values(index)) {
    if (datatype === 'image-downloads') found.push(...imagesOfProducts(await http.json<Products>(`/${path}`, signal)));
  }
  return found;
}

/** The newest that matches; aliases mean this machine's architecture unless they name one. */
function bestOf(all: StreamImage[], wish: RemoteWish): StreamImage | undefined {
  const own = knownArchitecture(process.arch === 'x64' ? 'amd64' : process.arch);
  const type = wish.imageType || 'container';
  const name = wish.alias || wish.fingerprint;
  const byAlias = all.filter((image) => image.type === type && image.aliases.some((alias) => name === `${alias}/${image.streamArchitecture}` || (name === alias && image.architecture === own)));
  const matching = byAlias.length > 0 ? byAlias : all.filter((image) => /^[0-9a-f]{6,64}$/.test(name) && image.fingerprint.startsWith(name));
  return matching.sort((a, b) => (a.serial < b.serial ? 1 : -1))[0];
}

function remoteImage(http: RemoteHttp, image: StreamImage): RemoteImage {
  const { fingerprint, files, architecture, properties, createdAt, expiresAt } = image;
  return {
    fingerprint,
    filename: files.at(-1)!.path.split('/').at(-1)!,
    architecture,
    properties,
    createdAt,
    expiresAt,
    async *parts(uploadId, signal) {
      for (const { part, path } of files) {
        yield { part: { $case: 'header', value: { upload_id: uploadId, file: part, max_bytes: 0, expected_fingerprint: fingerprint } } };
        for await (const value of await http.get(`/${path}`, signal)) yield { part: { $case: 'chunk', value: value as Buffer } };
      }
    },
  };
}
