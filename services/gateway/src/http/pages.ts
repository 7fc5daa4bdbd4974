import { listEnvelope, pages } from '@asterism/api';
import type { common } from '@asterism/proto';
import type { FastifyReply } from 'fastify';
import type { OutgoingHttpHeaders } from 'node:http';
import { sync } from './answer.js';
import { pageOf, type ApiRequest } from './request.js';
import { write } from './streams.js';

const comma = Buffer.from(',');

/**
 * Sends a list that its owner gives in pages. A client that asked for a page gets that one, and the way to the next in the header Link; every other
 * client gets the whole, a page at a time and at its own pace.
 */
export async function sendPages(request: ApiRequest, reply: FastifyReply, ask: (page: common.Page) => Promise<common.Document>): Promise<void> {
  const wanted = pageOf(request);
  const first = await ask(wanted);
  if (first.next === undefined) return void (await reply.send(sync(first)));
  if (wanted.limit === 0 && wanted.after === '') return sendAll(reply, first, ask);
  await reply.header('Link', `<${nextUrl(request, first.next)}>; rel="next"`).send(sync(first));
}

async function sendAll(reply: FastifyReply, first: common.Document, ask: (page: common.Page) => Promise<common.Document>): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), 'Content-Type': 'application/json' });
  try {
    await write(raw, listEnvelope.head);
    let separator = Buffer.alloc(0);
    for await (const { json } of pages(async (after) => (after === '' ? first : ask({ limit: 0, after })))) {
      if (raw.destroyed) return;
      if (json.length <= 2) continue;
      await write(raw, Buffer.concat([separator, json.subarray(1, -1)]));
      separator = comma;
    }
    raw.end(listEnvelope.close);
  } catch (error) {
    // The answer has begun: a cut connection is all that can be told.
    raw.destroy(error instanceof Error ? error : undefined);
  }
}

function nextUrl({ url }: ApiRequest, after: string): string {
  const next = new URL(url, 'http://lxd');
  next.searchParams.set('after', after);
  return `${next.pathname}${next.search}`;
}
