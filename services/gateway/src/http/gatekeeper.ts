import { LxdError } from '@asterism/errors';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { accessOf, requireAccess } from '../auth/access.js';
import { refuseCrossSite } from '../auth/cross-site.js';
import type { Identity } from '../auth/identity.js';
import { Trust } from '../auth/trust.js';
import { Readiness } from '../readiness.js';
import { isTrue, parameter, projectOf, query, type ApiRequest } from './request.js';

/** Stands before every route: no handler runs for a caller that may not use it. */
@Injectable()
export class Gatekeeper {
  constructor(
    @Inject(Trust) private readonly trust: Trust,
    @Inject(Readiness) private readonly readiness: Readiness,
  ) {}

  guard(fastify: FastifyInstance): void {
    fastify.decorateRequest('identity', null as never);
    fastify.decorateRequest('call', undefined);
    fastify.decorateRequest('watched', undefined);
    fastify.addHook('onRequest', (request, reply, done) => {
      try {
        this.#admit(request as ApiRequest, reply, done);
      } catch (error) {
        done(error as Error);
      }
    });
  }

  #admit(request: ApiRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    if (request.method === 'OPTIONS') {
      void reply.code(200).send();
      return;
    }
    refuseCrossSite(request.headers);
    this.readiness.require(request.method, request.url);
    const identity = this.trust.identify(request.raw.socket);
    if (!(identity instanceof Promise)) {
      this.#check(request, identity);
      done();
      return;
    }
    identity.then((found) => this.#check(request, found)).then(() => done(), done);
  }

  #check(request: ApiRequest, identity: Identity): void {
    request.identity = identity;
    const route = (request as FastifyRequest).routeOptions.url;
    if (route === undefined) return;
    const access = accessOf(request.method, route);
    if (!access) throw new LxdError('internal', `no access rule for ${request.method} ${route}`);
    requireAccess(identity, access, {
      project: projectOf(request),
      allProjects: isTrue(query(request, 'all-projects')) || query(request, 'project') === '*',
      isNamed: query(request, 'project') !== '',
      named: parameter(request, 'name'),
    });
  }
}
