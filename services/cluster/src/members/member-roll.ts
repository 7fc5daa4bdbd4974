import { createHash } from 'node:crypto';
import type { cluster } from '@asterism/proto';
import { repeated } from '@asterism/rpc';

/** Who the members are, for every process that reaches them: asked by each of them every few seconds, and answered once for all that ask meanwhile. */
export class MemberRoll {
  /** One that has begun may miss what its caller knows of: who comes meanwhile waits for the next. */
  #next: Promise<cluster.Members> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly read: () => Promise<Pick<cluster.Members, 'members' | 'revoked'>>) {}

  async call(known = ''): Promise<cluster.Members> {
    const answer = await (this.#next ??= this.#afterTheLast());
    return known === answer.version ? { members: [], revoked: [], version: known, unchanged: true } : answer;
  }

  #afterTheLast(): Promise<cluster.Members> {
    const next = this.#last.then(() => {
      this.#next = undefined;
      return this.#read();
    });
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #read(): Promise<cluster.Members> {
    const now = await this.read();
    const version = createHash('sha256').update(JSON.stringify(now)).digest('base64url');
    return repeated({ ...now, version, unchanged: false });
  }
}
