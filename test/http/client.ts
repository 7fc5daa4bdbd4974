import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

export interface RawRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer | Readable | undefined;
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** LXD's answer as JSON. */
export interface Envelope<T = unknown> {
  type: string;
  status: string;
  status_code: number;
  operation: string;
  error_code: number;
  error: string;
  metadata: T;
}

export interface Operation {
  id: string;
  status: string;
  status_code: number;
  err: string;
  metadata: Record<string, unknown> | null;
  resources: Record<string, string[]> | null;
  class: string;
}

/** A plain HTTP client on a unix socket with kept-alive connections; the same for every server under test. */
export class UnixClient {
  readonly #agent: Agent;

  constructor(readonly socketPath: string, connections = 64) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  async send({ method = 'GET', path, headers, body }: RawRequest): Promise<RawAnswer> {
    return await new Promise<RawAnswer>((resolve, reject) => {
      const outgoing = request({ socketPath: this.socketPath, agent: this.#agent, method, path, headers: { Host: 'lxd', ...lengthOf(body), ...headers } }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.once('error', reject);
        incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }));
      });
      outgoing.once('error', reject);
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body);
      else body.once('error', reject).pipe(outgoing);
    });
  }

  /** Reads an answer to its end without keeping it, so that a measurement is of the server; answers its length in bytes. */
  async length(path: string): Promise<number> {
    return await new Promise<number>((resolve, reject) => {
      const outgoing = request({ socketPath: this.socketPath, agent: this.#agent, path, headers: { Host: 'lxd' } }, (incoming) => {
        let length = 0;
        incoming.on('data', (chunk: Buffer) => (length += chunk.length));
        incoming.once('error', reject);
        incoming.once('end', () => (incoming.statusCode === 200 ? resolve(length) : reject(new Error(`GET ${path}: ${incoming.statusCode}`))));
      });
      outgoing.once('error', reject);
      outgoing.end();
    });
  }

  async json<T = unknown>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Envelope<T> & { headers: IncomingHttpHeaders; http: number }> {
    const answer = await this.send({ method, path, headers: { 'Content-Type': 'application/json', ...headers }, body: body === undefined ? undefined : JSON.stringify(body) });
    return { ...(JSON.parse(answer.body.toString()) as Envelope<T>), headers: answer.headers, http: answer.status };
  }

  /** The metadata of a GET; throws on an error answer. */
  async get<T = unknown>(path: string): Promise<T> {
    const answer = await this.json<T>('GET', path);
    if (answer.type === 'error') throw new Error(`GET ${path}: ${answer.error}`);
    return answer.metadata;
  }

  /** Sends a write and, when it opened an operation, waits for its end; throws on failure. */
  async change(method: string, path: string, body?: unknown): Promise<Operation | undefined> {
    const answer = await this.json<Operation>(method, path, body);
    if (answer.type === 'error') throw new Error(`${method} ${path}: ${answer.error}`);
    if (answer.type !== 'async') return undefined;
    return await this.wait(answer.operation);
  }

  async wait(operation: string): Promise<Operation> {
    const answer = await this.json<Operation>('GET', `${operation}/wait`);
    if (answer.type === 'error') throw new Error(`${operation}: ${answer.error}`);
    if (answer.metadata.status_code !== 200) throw new Error(`${operation}: ${answer.metadata.err}`);
    return answer.metadata;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function lengthOf(body: RawRequest['body']): Record<string, string> {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return { 'Content-Length': String(Buffer.byteLength(body)) };
  return {};
}
