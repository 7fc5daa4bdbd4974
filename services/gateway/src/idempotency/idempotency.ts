import { createdEnvelope, emptyEnvelope } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { Token, type Idempotency as IdempotencyService, type idempotency } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { RuntimeInfo } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { started, type Answer } from '../http/answer.js';
import { DigestedBody } from './digested-body.js';
import { keyOf, requestDigest, requestorOf, whenCutOff } from './keyed-request.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Present while the request runs under an Idempotency-Key. */
    keyed: { claim: string; body: DigestedBody } | undefined;
  }
}

const renewEveryMs = 5_000;

/** Lets a changing request with an Idempotency-Key run once: whoever sends it again gets the answer of the first. */
@Injectable()
export class Idempotency {
  readonly #underWay = new Set<string>();
  readonly #process = randomUUID();

  constructor(
    @Inject(Token.Idempotency) private readonly keys: IdempotencyService,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {}

  guard(fastify: FastifyInstance): void {
    fastify.decorateRequest('keyed', undefined);
    fastify.addHook('preHandler', (request, reply, done) => {
      if (request.headers['idempotency-key'] === undefined || request.routeOptions.url === undefined) done();
      else this.#begin(request, reply).then((answered) => answered || done(), done);
    });
    fastify.addHook('onSend', (request, reply, payload, done) => {
      if (!request.keyed) done(null, payload);
      else this.#end(request.keyed, reply, payload as Buffer | string).then(() => done(null, payload), () => done(null, payload));
    });
    setInterval(() => void this.#renew().catch(() => undefined), renewEveryMs).unref();
  }

  /** True when the request was answered. */
  async #begin(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { method, url, headers } = request;
    const key = keyOf(method, headers);
    if (key === undefined) return false;
    const body = new DigestedBody(request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>);
    await body.hold();
    const { claim, answer, operation, effects } = await this.keys.claim(systemCall(), {
      requestor: requestorOf(request.identity),
      key,
      digest: requestDigest(method, url, headers),
      body_digest: body.digest,
      when_cut_off: whenCutOff(method, url, headers),
      gateway: this.runtime.environment.replica,
      process: this.#process,
      under_way: [...this.#underWay],
    });
    if (answer) {
      if (answer.body_digest !== (await body.drain())) throw new LxdError('unprocessable', 'This Idempotency-Key was used for another request');
      void reply.code(answer.status).headers({ ...answer.headers, 'Idempotent-Replayed': 'true' }).send(Buffer.from(answer.body));
      return true;
    }
    this.#underWay.add(claim);
    request.keyed = { claim, body };
    const found = operation ? started(operation) : effects.length > 0 ? answerTo(method, url, effects) : undefined;
    if (!found) return false;
    void reply.header('Content-Type', 'application/json');
    if (found.location) void reply.header('Location', found.location);
    void reply.code(found.status).header('Idempotent-Replayed', 'true').send(found.body);
    return true;
  }

  /** Keeps the answer before it goes out. Faults of the server are no answers: the next call finds what was accepted, or runs again. */
  async #end({ claim, body }: NonNullable<FastifyRequest['keyed']>, reply: FastifyReply, payload: Buffer | string): Promise<void> {
    this.#underWay.delete(claim);
    const ref = { claim, process: this.#process };
    if (reply.statusCode >= 500) await this.keys.abandon(systemCall(), ref);
    else if (body.digest === '') await this.keys.free(systemCall(), ref);
    else await this.keys.keep(systemCall(), { ...ref, answer: { status: reply.statusCode, headers: keptHeaders(reply), body: Buffer.from(payload), body_digest: body.digest } });
  }

  async #renew(): Promise<void> {
    if (this.#underWay.size > 0) await this.keys.renew(systemCall(), { claims: [...this.#underWay], process: this.#process });
  }
}

/** The answer to a call that was cut off after its work was done, from the events of that work. */
export function answerTo(method: string, url: string, effects: readonly idempotency.Effect[]): Answer {
  const path = url.split('?', 1)[0]!;
  const own = effects.findLast(({ source }) => source.startsWith(path)) ?? effects.at(-1)!;
  if (method === 'POST' && /-(created|renamed)$/.test(own.action)) return { status: 201, body: createdEnvelope, location: own.source };
  return { status: 200, body: emptyEnvelope };
}

function keptHeaders(reply: FastifyReply): Record<string, string> {
  const kept = ['content-type', 'location', 'etag', 'x-content-type-options'].flatMap((name) => {
    const value = reply.getHeader(name);
    return value === undefined ? [] : [[name, String(value)]];
  });
  return Object.fromEntries(kept) as Record<string, string>;
}
