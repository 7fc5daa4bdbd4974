import { LxdError } from '@asterism/errors';

/** Whether the server takes requests. */
export class Readiness {
  #state: 'starting' | 'ready' | 'stopping' = 'starting';

  get state(): 'starting' | 'ready' | 'stopping' {
    return this.#state;
  }

  become(state: 'ready' | 'stopping'): void {
    this.#state = state;
  }

  /** While starting or stopping only reads, events and operations are answered. */
  require(method: string, path: string): void {
    if (this.#state === 'ready' || method === 'GET' || path.startsWith('/1.0/events') || path.startsWith('/1.0/operations')) return;
    throw new LxdError('unavailable', this.#state === 'starting' ? 'LXD daemon setup in progress' : 'LXD is shutting down');
  }
}
