import type { RawRequest, UnixClient } from '../../http/client.js';
import type { TestServer } from '../../servers/server.js';

/** Where plans are carried out: the server that dies, and what is then wrong with it and all that belongs to it. */
export interface Place {
  server: TestServer;
  client: UnixClient;
  disagreements(): Promise<string[]>;
}

/** What recipes work with. Names they are given are new each time; everything they make has its name from them. */
export interface Kitchen extends Place {
  /** An exported archive of an instance, and of a volume. */
  archives: { instance: Buffer; volume: Buffer };
  /** An image that no other call has given. */
  newImage(): Promise<Buffer>;
  /** A server of images beside ours. */
  remote: { url: string; certificate: string; offer(alias: string, image: Buffer): Promise<string> };
}

/** How one kind of operation is brought about, and how one sees whether it was done. */
export interface Recipe<K extends Place = Kitchen> {
  prepare?(kitchen: K, name: string): Promise<unknown>;
  /** The request that opens the operation. */
  request(name: string, kitchen: K): RawRequest | Promise<RawRequest>;
  /** What the operation changes, in few words. */
  look(kitchen: K, name: string): Promise<string>;
  /** What look() tells when it was done; before, it told something else. */
  done: string;
  /** What it may leave when it fails, beside what there was before: some steps cannot be taken back. */
  halfway?: string[];
  /** It may fail because the server died, if it is undone then. */
  mayFail?: true;
  /** It opens no operation that its client sees. */
  answersAtOnce?: true;
  clean(kitchen: K, name: string): Promise<unknown>;
}

export const json = (method: string, path: string, body?: unknown): RawRequest => ({
  method,
  path,
  headers: { 'Content-Type': 'application/json' },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

export const upload = (path: string, body: Buffer, headers: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  path,
  headers: { 'Content-Type': 'application/octet-stream', ...headers },
  body,
});

export async function send(client: UnixClient, request: RawRequest): Promise<{ status: number; operation: string; error: string }> {
  const answer = await client.send(request);
  return { ...(JSON.parse(answer.body.toString()) as { operation: string; error: string }), status: answer.status };
}

/** Which of some paths there are. */
export async function there(client: UnixClient, paths: Record<string, string>): Promise<string> {
  const found = await Promise.all(Object.entries(paths).map(async ([word, path]) => ((await client.json('GET', path)).http === 200 ? [word] : [])));
  return found.flat().join(' ') || 'nothing';
}

/** Last parts of the URLs of a list, sorted. */
export async function names(client: UnixClient, path: string): Promise<string> {
  const answer = await client.json<string[]>('GET', path);
  if (answer.http !== 200) return 'nothing';
  const last = answer.metadata.map((url) => url.split('?')[0]!.split('/').at(-1)!);
  return last.sort().join(' ') || 'none';
}
