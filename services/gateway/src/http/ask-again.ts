import { LostCall } from '@asterism/rpc';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { retry, throwError, timer, type Observable } from 'rxjs';

const pauseMs = 250;
const patienceMs = 10_000;

/** Services are processes that may be replaced while they are asked: what only reads is asked again of who comes after. */
export class AskAgain implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const { method } = http.getRequest<FastifyRequest>();
    if (method !== 'GET') return next.handle();
    const until = performance.now() + patienceMs;
    const isWorthIt = (error: unknown): boolean => error instanceof LostCall && performance.now() < until && !http.getResponse<FastifyReply>().raw.headersSent;
    return next.handle().pipe(retry({ delay: (error: unknown) => (isWorthIt(error) ? timer(pauseMs) : throwError(() => error)) }));
  }
}
