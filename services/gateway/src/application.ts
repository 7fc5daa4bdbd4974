import type { INestApplication, Type } from '@nestjs/common';
import { activeWatcher } from '@asterism/rpc';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { RuntimeInfo } from '@asterism/service';
import { createLogger } from '@asterism/telemetry';
import { createServer, type RequestListener } from 'node:http';
import { AskAgain } from './http/ask-again.js';
import { sendAnswers } from './http/answer.js';
import { ErrorFilter } from './http/error.filter.js';
import { Gatekeeper } from './http/gatekeeper.js';
import { Routes } from './http/routes.js';
import { Idempotency } from './idempotency/idempotency.js';
import { Listeners } from './listeners/listeners.js';

/**
 * The process as a Nest application with the API's routes. Its own server never listens: the listeners give requests to the
 * router, so that one set of routes serves the unix socket and HTTPS.
 */
export async function createGatewayApplication(root: Type<object>): Promise<INestApplication> {
  let handler: RequestListener | undefined;
  const adapter = new FastifyAdapter({
    serverFactory: (route: RequestListener) => createServer((handler = route)),
    exposeHeadRoutes: false,
    skipMiddie: true,
    routerOptions: { maxParamLength: 8192, caseSensitive: true },
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  const routes = new Routes();
  routes.watch(fastify);
  takeAnyBody(fastify);
  sendAnswers(fastify);
  logRequests(fastify);
  if (activeWatcher()) fastify.addHook('onResponse', (request, reply, done) => done(void request.watched?.end(String(reply.statusCode))));

  const app = await NestFactory.create(root, adapter, { bodyParser: false, logger: ['error', 'warn'] });
  app.get(Gatekeeper, { strict: false }).guard(fastify);
  app.get(Idempotency, { strict: false }).guard(fastify);
  app.useGlobalFilters(new ErrorFilter(routes));
  if (app.get(RuntimeInfo, { strict: false }).composition === 'processes') app.useGlobalInterceptors(new AskAgain());
  await app.init();
  await fastify.ready();
  app.get(Listeners, { strict: false }).serve(handler!);
  return app;
}

/** One line for each answer at level "debug"; nothing at others. */
function logRequests(fastify: FastifyInstance): void {
  const logger = createLogger('gateway');
  if (!logger.isLevelEnabled('debug')) return;
  fastify.addHook('onResponse', (request, reply, done) => {
    const line = { method: request.method, url: request.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime), request_id: request.call?.requestId };
    logger.debug(line, 'answered');
    done();
  });
}

/** Bodies are left to the handlers: they are read as JSON whatever their type says, or streamed. */
function takeAnyBody(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null));
}
