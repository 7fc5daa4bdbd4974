import { createHash } from 'node:crypto';
import type { cluster } from '@asterism/proto';
import { Inject, Injectable } from '@nestjs/common';
import { ClusterMembers } from './cluster-members.js';

/** Who the members are, for every process that reaches them: asked by each of them every few seconds, and answered once for all that ask meanwhile. */
@Injectable()
export class MemberRoll {
  /** One that has begun may miss what its caller knows of: who comes meanwhile waits for the next. */
  #next: Promise<cluster.Members> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(@Inject(ClusterMembers) private readonly members: ClusterMembers) {}

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
    const [members, revoked] = await Promise.all([this.members.agents(), this.members.revoked()]);
    const version = createHash('sha256').update(JSON.stringify([members, revoked])).digest('base64url');
    return { members, revoked, version, unchanged: false };
  }
}
