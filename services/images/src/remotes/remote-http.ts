import { X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import { LxdError } from '@asterism/errors';

const connectMs = 10_000;
const silenceMs = 60_000;
const maxJsonBytes = 32 * 1024 * 1024;
const maxRedirects = 5;

/** An image server over HTTPS: known by the certificate that the request pinned, else by the system's authorities. Nothing is sent to another. */
export class RemoteHttp {
  constructor(
    readonly server: string,
    private readonly certificate: string,
  ) {}

  async json<T>(path: string, signal: AbortSignal): Promise<T> {
    const answer = await this.get(path, signal);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer) {
      if ((bytes += (chunk as Buffer).length) > maxJsonBytes) throw new LxdError('bad-request', `${this.server} answered too much`);
      chunks.push(chunk as Buffer);
    }
    return JSON.parse(Buffer.concat(chunks).toString()) as T;
  }

  /** The answer once its headers are there; errors of LXD servers arrive as their words. */
  async get(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    let url = this.#url(path);
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const answer = await this.#once(url, signal);
      const { statusCode = 0, headers } = answer;
      if (statusCode === 200) return answer;
      if (statusCode >= 300 && statusCode < 400 && headers.location) {
        answer.destroy();
        url = new URL(headers.location, url);
        if (url.protocol !== 'https:') break;
        continue;
      }
      throw await remoteError(answer);
    }
    throw new LxdError('bad-request', `${this.server} redirects without end or to an unsafe place`);
  }

  #url(path: string): URL {
    try {
      const url = new URL(`${this.server.replace(/\/+$/, '')}${path}`);
      if (url.protocol === 'https:') return url;
    } catch {
      // Not a URL: refused below.
    }
    throw new LxdError('bad-request', `Get ${JSON.stringify(`${this.server}${path}`)}: unsupported protocol scheme ${JSON.stringify(/^(\w+):/.exec(this.server)?.[1] ?? '')}`);
  }

  async #once(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const socket = await this.#connect(url, signal);
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => reject(this.#failure(url, error));
      const request = httpsRequest(url, { createConnection: () => socket, signal, headers: { 'User-Agent': 'LXD 5.0.2' } }, resolve);
      request.setTimeout(silenceMs, () => request.destroy(new Error('no answer')));
      request.on('error', failed).end();
    });
  }

  /** A connection whose other end has proved who it is, before anything was asked of it. */
  #connect(url: URL, signal: AbortSignal): Promise<TLSSocket> {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return new Promise((resolve, reject) => {
      const isPinned = this.certificate !== '';
      const socket = connect({ host, port: Number(url.port || 443), servername: isName(host) ? host : '', rejectUnauthorized: !isPinned, ALPNProtocols: ['http/1.1'] });
      const fail = (error: Error): void => {
        socket.destroy();
        reject(this.#failure(url, error));
      };
      socket.setTimeout(connectMs, () => fail(new Error('i/o timeout')));
      socket.once('error', fail);
      signal.addEventListener('abort', () => fail(new LxdError('cancelled', 'cancelled')), { once: true });
      socket.once('secureConnect', () => {
        if (isPinned && !socket.getPeerX509Certificate()?.raw.equals(pinned(this.certificate))) return fail(new Error('x509: certificate signed by unknown authority'));
        socket.setTimeout(0);
        socket.removeListener('error', fail);
        resolve(socket);
      });
    });
  }

  /** In the words of Go, which clients of LXD are used to. */
  #failure(url: URL, error: Error): LxdError {
    if (error instanceof LxdError) return error;
    const { code } = error as NodeJS.ErrnoException;
    const address = `${url.hostname}:${url.port || 443}`;
    const words = code === 'ECONNREFUSED' ? `Unable to connect to: ${address} ([dial tcp ${address}: connect: connection refused])` : isUntrusted(code) ? 'x509: certificate signed by unknown authority' : error.message;
    return new LxdError('bad-request', `Get ${JSON.stringify(url.href)}: ${words}`, { cause: error });
  }
}

async function remoteError(answer: IncomingMessage): Promise<LxdError> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) if (chunks.length < 16) chunks.push(chunk as Buffer);
  const kind = answer.statusCode === 404 ? 'not-found' : 'bad-request';
  try {
    const { error } = JSON.parse(Buffer.concat(chunks).toString()) as { error: unknown };
    return new LxdError(kind, String(error));
  } catch {
    return new LxdError(kind, `Unable to fetch: ${answer.statusCode} ${answer.statusMessage ?? ''}`.trim());
  }
}

function pinned(pem: string): Buffer {
  try {
    return new X509Certificate(pem).raw;
  } catch (error) {
    throw new LxdError('bad-request', 'Invalid certificate of the image server', { cause: error });
  }
}

function isName(host: string): boolean {
  return !/^[0-9.]+$/.test(host) && !host.includes(':');
}

function isUntrusted(code: string | undefined): boolean {
  return code !== undefined && /SELF_SIGNED|UNABLE_TO|CERT_/.test(code);
}
