import { asyncEnvelope, createdEnvelope, emptyEnvelope, syncEnvelope } from '@asterism/api';
import type { common } from '@asterism/proto';
import type { FastifyInstance } from 'fastify';

/** What a handler gives back: bytes that go out as they are. */
export interface Answer {
  status: number;
  body: Buffer;
  etag?: string;
  location?: string;
}

const changedAnswer: Answer = { status: 200, body: emptyEnvelope };

export function sync(document: common.Document): Answer {
  return { status: 200, body: syncEnvelope(document.json), etag: document.etag };
}

export function syncValue(value: unknown): Answer {
  return { status: 200, body: syncEnvelope(Buffer.from(JSON.stringify(value))) };
}

/** A change was made; there is nothing to tell. */
export function changed(): Answer {
  return changedAnswer;
}

export function created(answer: common.Created): Answer {
  return { status: 201, body: createdEnvelope, location: answer.url };
}

/** Work goes on behind an operation. */
export function started(operation: common.OperationAnswer | undefined): Answer {
  const url = `/1.0/operations/${operation!.id}`;
  return { status: 202, body: asyncEnvelope(url, operation!.json), location: url };
}

/** Lets handlers return answers; everything else they send themselves. */
export function sendAnswers(fastify: FastifyInstance): void {
  fastify.addHook('preSerialization', (_request, reply, payload, done) => {
    const { status, etag, location } = payload as Answer;
    reply.code(status).header('Content-Type', 'application/json');
    if (etag) reply.header('ETag', `"${etag}"`);
    if (location) reply.header('Location', location);
    done(null, payload);
  });
  fastify.setReplySerializer((payload) => (payload as Answer).body as never);
}
