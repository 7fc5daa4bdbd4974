import { X509Certificate } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import { LxdError, type ErrorKind } from '@asterism/errors';
import { parseListenAddress } from '../config/listen-address.js';

const deadlineMs = 30_000;
const kindOfStatus: Readonly<Record<number, ErrorKind>> = { 400: 'bad-request', 403: 'forbidden', 404: 'not-found', 409: 'conflict', 503: 'unavailable' };

export interface PinnedServer {
  /** host:port of its API. */
  address: string;
  /** PEM; nothing is sent to a server that shows another one. */
  certificate: string;
}

/** POSTs JSON and answers what "metadata" holds; throws what the server refused with. */
export async function postPinned<T>(server: PinnedServer, path: string, body: object): Promise<T> {
  const socket = await connectPinned(server);
  try {
    return await post<T>(socket, path, Buffer.from(JSON.stringify(body)));
  } finally {
    socket.destroy();
  }
}

function connectPinned({ address, certificate }: PinnedServer): Promise<TLSSocket> {
  const pinned = readCertificate(certificate);
  const { host, port } = parseListenAddress(address);
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => {
      socket.destroy();
      reject(new LxdError('unavailable', message));
    };
    // The certificate itself is the identity: no authority has signed it.
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] });
    socket.setTimeout(deadlineMs, () => fail(`Cluster member ${address} does not answer`));
    socket.once('error', (error) => fail(`Cannot reach cluster member ${address}: ${error.message}`));
    socket.once('secureConnect', () => {
      if (!socket.getPeerCertificate().raw?.equals(pinned.raw)) return fail(`Certificate fingerprint mismatch between the one given and cluster member ${address}`);
      resolve(socket);
    });
  });
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new LxdError('bad-request', 'Invalid cluster certificate');
  }
}

function post<T>(socket: TLSSocket, path: string, body: Buffer): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ createConnection: () => socket, method: 'POST', path, headers: { host: 'lxd', 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        try {
          const answer = JSON.parse(Buffer.concat(chunks).toString()) as { metadata: T; error?: string };
          if (response.statusCode === 200) return resolve(answer.metadata);
          reject(new LxdError(kindOfStatus[response.statusCode ?? 0] ?? 'internal', answer.error ?? ''));
        } catch {
          reject(new LxdError('internal', 'The cluster member did not answer as one'));
        }
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}
