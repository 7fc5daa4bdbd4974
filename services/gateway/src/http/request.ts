import { parseJson, type Schema } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import type { common } from '@asterism/proto';
import { activeWatcher, traceIdOf, traceOfRequest, type CallContext, type Watched } from '@asterism/rpc';
import type { RuntimeInfo } from '@asterism/service';
import type { FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { mayUseProject, type Identity } from '../auth/identity.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before any handler runs. */
    identity: Identity;
    /** Made when the first call is. */
    call: CallContext | undefined;
    /** Where somebody watches. */
    watched: Watched<CallContext> | undefined;
  }
}

export type ApiRequest = FastifyRequest<{ Params: Record<string, string>; Querystring: Record<string, string | string[] | undefined> }>;

const maxBodyBytes = 16 * 1024 * 1024;

/** The body as the schema reads it; no content type is asked for, as LXD asks for none. */
export async function bodyOf<T>(request: ApiRequest, schema: Schema<T>): Promise<T> {
  return schema.read(parseJson((await readBody(contentOf(request))).toString()));
}

/** The body as it comes. Stopping early must not tear down the connection: the refusal is still to be sent. */
export function contentOf(request: ApiRequest): AsyncIterable<Buffer> {
  return request.keyed?.body.content() ?? request.raw.iterator({ destroyOnReturn: false });
}

/** The same, for bodies that may be so long that the connection is cut when nobody wants the rest. */
export function streamOf(request: ApiRequest): AsyncIterable<Buffer> {
  return request.keyed?.body.content() ?? request.raw;
}

export async function readBody(source: AsyncIterable<Buffer>, limit = maxBodyBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit) throw new LxdError('too-large', 'http: request body too large');
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** The member that ?target= names, else the one that this request came to. */
export function memberOf(request: ApiRequest, { environment }: RuntimeInfo): string {
  return query(request, 'target') || environment.member;
}

export function parameter(request: ApiRequest, name: string): string {
  return request.params[name] ?? '';
}

export function query(request: ApiRequest, name: string): string {
  const value = request.query[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

export function isTrue(value: string): boolean {
  return ['true', '1', 'yes', 'on'].includes(value.toLowerCase());
}

/** The project that a body names beside the request's own; the caller must be allowed to use it as well. */
export function otherProject(request: ApiRequest, named: string): string {
  if (named === '') return projectOf(request);
  if (!mayUseProject(request.identity, named)) throw new LxdError('forbidden', 'not authorized');
  return named;
}

export function projectOf(request: ApiRequest): string {
  return query(request, 'project') || 'default';
}

export function recursionOf(request: ApiRequest): number {
  const recursion = Number(query(request, 'recursion'));
  return Number.isInteger(recursion) && recursion > 0 ? Math.min(recursion, 2) : 0;
}

export function ifMatchOf(request: ApiRequest): string {
  return request.headers['if-match'] ?? '';
}

export function listOf(request: ApiRequest): common.ListRequest {
  const allProjects = isTrue(query(request, 'all-projects')) || query(request, 'project') === '*';
  return {
    project: projectOf(request),
    all_projects: allProjects,
    recursion: recursionOf(request),
    filter: query(request, 'filter'),
    visible_projects: visibleProjects(request.identity),
  };
}

/** ?limit= and ?after=, beyond what LXD knows: part of a list. Neither: all of it, in whatever pieces it comes. */
export function pageOf(request: ApiRequest): common.Page {
  const limit = query(request, 'limit');
  if (limit !== '' && !/^[1-9]\d{0,6}$/.test(limit)) throw new LxdError('bad-request', 'Invalid limit: a number from 1 is expected');
  return { limit: Number(limit), after: query(request, 'after') };
}

/** Empty stands for all; a restricted client without projects sees none: no project has this name. */
export function visibleProjects({ projects }: Identity): string[] {
  if (projects === undefined) return [];
  return projects.length === 0 ? ['/'] : [...projects];
}

/** The context that travels with every call this request makes. */
export function callOf(request: ApiRequest): CallContext {
  return (request.call ??= newCall(request));
}

function newCall(request: ApiRequest): CallContext {
  const { username, protocol, address } = request.identity;
  const requestId = randomUUID();
  const sent = request.headers['traceparent'];
  const traceparent = typeof sent === 'string' && traceIdOf(sent) ? sent : traceOfRequest(requestId);
  const call: CallContext = { requestId, requestor: { username, protocol, address }, traceparent, ...(request.keyed ? { claim: request.keyed.claim } : {}) };
  request.watched = activeWatcher()?.begin({ kind: 'request', name: `${request.method} ${request.routeOptions.url ?? ''}` }, call);
  return request.watched?.call ?? call;
}

/** As callOf, and aborted when the client goes away or has its answer: for waits and downloads. */
export function abortableCallOf(request: ApiRequest): CallContext {
  return { ...callOf(request), signal: abortedBy(request.raw) };
}

/** The request's "close" comes when its answer is out, or the connection gone. */
function abortedBy(request: IncomingMessage): AbortSignal {
  const controller = new AbortController();
  request.once('close', () => controller.abort());
  if (request.destroyed) controller.abort();
  return controller.signal;
}
