import type { IncomingMessage } from 'node:http';
import { LxdError, fromUnknown } from '@asterism/errors';
import type { images } from '@asterism/proto';
import { UploadBody } from '../upload.js';
import { RemoteHttp } from './remote-http.js';
import type { RemoteImage, RemoteWish } from './remote-image.js';

interface Answer<T> {
  metadata: T;
}

interface ImageInfo {
  fingerprint: string;
  filename: string;
  architecture: string;
  properties: Record<string, string>;
  created_at: string;
  expires_at: string;
}

/** Finds an image on another LXD server (or on one of us). Throws in LXD's words. */
export async function findOnLxd(wish: RemoteWish, signal: AbortSignal): Promise<RemoteImage> {
  const http = new RemoteHttp(wish.server, wish.certificate);
  await http.json('/1.0', signal).catch((error: unknown) => {
    const { kind, message } = fromUnknown(error);
    throw new LxdError(kind, `Failed to connect to LXD server ${JSON.stringify(wish.server)}: ${message}`);
  });
  try {
    const wanted = wish.alias === '' ? wish.fingerprint : await targetOf(http, wish.alias, signal);
    const query = wish.secret === '' ? '' : `?secret=${encodeURIComponent(wish.secret)}`;
    const { metadata } = await http.json<Answer<ImageInfo>>(`/1.0/images/${encodeURIComponent(wanted)}${query}`, signal);
    return remoteImage(http, metadata, query);
  } catch (error) {
    const { kind, message } = fromUnknown(error);
    throw new LxdError(kind, `Failed getting remote image info: ${kind === 'not-found' ? 'Image not found' : message}`);
  }
}

/** An alias that is none may be a fingerprint. */
async function targetOf(http: RemoteHttp, alias: string, signal: AbortSignal): Promise<string> {
  try {
    return (await http.json<Answer<{ target: string }>>(`/1.0/images/aliases/${encodeURIComponent(alias)}`, signal)).metadata.target;
  } catch (error) {
    if (/^[0-9a-f]{12,64}$/.test(alias)) return alias;
    throw error;
  }
}

function remoteImage(http: RemoteHttp, info: ImageInfo, query: string): RemoteImage {
  if (!/^[0-9a-f]{64}$/.test(info.fingerprint)) throw new LxdError('bad-request', `Invalid image fingerprint ${JSON.stringify(info.fingerprint)}`);
  return {
    fingerprint: info.fingerprint,
    filename: info.filename,
    architecture: info.architecture,
    properties: info.properties,
    createdAt: Math.floor(Date.parse(info.created_at) / 1000),
    expiresAt: Math.floor(Date.parse(info.expires_at) / 1000),
    async *parts(uploadId, signal) {
      const answer = await http.get(`/1.0/images/${info.fingerprint}/export${query}`, signal);
      const body = await UploadBody.open(uploadFrames(answer, info.fingerprint));
      yield* body.parts(uploadId);
    },
  };
}

async function* uploadFrames(answer: IncomingMessage, fingerprint: string): AsyncGenerator<images.UploadFrame> {
  const header = { project: '', content_type: answer.headers['content-type'] ?? '', headers: { 'x-lxd-fingerprint': fingerprint } };
  yield { part: { $case: 'header', value: header } };
  for await (const value of answer) yield { part: { $case: 'chunk', value: value as Buffer } };
}
