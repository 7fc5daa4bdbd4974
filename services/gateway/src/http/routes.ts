import { errorEnvelope } from '@asterism/api';
import type { FastifyInstance } from 'fastify';
import { accessOf } from '../auth/access.js';

/** Every served path: to tell a missing path from a missing method as LXD does, and to start with none that anybody could call by oversight. */
export class Routes {
  readonly #patterns = new Map<string, RegExp>();

  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      for (const verb of [method].flat()) if (!accessOf(verb, url)) throw new Error(`no access rule for ${verb} ${url}`);
      this.add(url);
    });
  }

  add(url: string): void {
    const source = url.replace(/[.]/g, '\\.').replace(/:[^/]+/g, '[^/]+').replace(/\*[^/]*/g, '.+');
    this.#patterns.set(url, new RegExp(`^${source}$`));
  }

  /** The answer to a request that no handler takes. */
  missing(method: string, url: string): { status: number; body: Buffer } {
    const path = url.split('?', 1)[0]!;
    if (![...this.#patterns.values()].some((pattern) => pattern.test(path))) return { status: 404, body: errorEnvelope(404, 'not found') };
    if (['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'].includes(method)) return { status: 501, body: errorEnvelope(501, 'not implemented') };
    return { status: 404, body: errorEnvelope(404, `Method ${JSON.stringify(method)} not found`) };
  }
}
