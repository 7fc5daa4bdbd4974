import { errorEnvelope } from '@asterism/api';
import { fromUnknown, isLxdError, LxdError, type ErrorKind } from '@asterism/errors';
import { onBehalfOf } from '@asterism/rpc';
import { createLogger } from '@asterism/telemetry';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Routes } from './routes.js';

const statusOfKind = {
  'bad-request': 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  gone: 410,
  'precondition-failed': 412,
  'too-large': 413,
  unprocessable: 422,
  unsupported: 501,
  unavailable: 503,
  timeout: 500,
  cancelled: 500,
  internal: 500,
} as const satisfies Record<ErrorKind, number>;

const logger = createLogger('gateway');

/** The status and the body of an error, as LXD gives them. */
export function errorAnswer(error: unknown): { status: number; body: Buffer } {
  const { kind, message, cause } = fromUnknown(error);
  const status = statusOfKind[kind];
  if (kind === 'internal' && (cause || !isLxdError(error))) logger.error({ err: cause ?? error }, message);
  return { status, body: errorEnvelope(status, message) };
}

/** Turns whatever a handler throws into LXD's error form; paths and methods without handler are told apart here. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly routes: Routes) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // Nobody is left to hear it; with an Idempotency-Key it may be asked for again.
    if (request.raw.socket.destroyed && !request.keyed) return;
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    const { status, body } = isHttpException(error) ? this.#httpAnswer(error, request) : request.call ? onBehalfOf(request.call, () => errorAnswer(error)) : errorAnswer(error);
    // What is left of the body is not read, so the connection cannot be used again.
    if (!request.raw.readableEnded && request.raw.headers['content-length'] !== '0' && hasBody(request)) reply.header('Connection', 'close');
    reply.code(status).headers({ 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' }).send(body);
  }

  #httpAnswer(error: HttpException, request: FastifyRequest): { status: number; body: Buffer } {
    if (error.getStatus() !== 404) return errorAnswer(new LxdError('bad-request', error.message));
    return this.routes.missing(request.method, request.url);
  }
}

function hasBody(request: FastifyRequest): boolean {
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
}

function isHttpException(error: unknown): error is HttpException {
  return error instanceof HttpException;
}
