import { LxdError } from '@asterism/errors';
import { idempotency as proto, type common, type Idempotency } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyStore, type KeyRow } from './key.store.js';
import { Traces } from './traces.js';

/** How long a second call waits for the first. */
const patienceMs = 10_000;
const lookAgainMs = 50;

/** What calls with an Idempotency-Key were answered; decides what becomes of those that were cut off. */
@Injectable()
export class IdempotencyHandler implements Idempotency {
  constructor(
    @Inject(KeyStore) private readonly store: KeyStore,
    @Inject(Traces) private readonly traces: Traces,
  ) {}

  async claim(call: CallContext, request: proto.KeyedRequest): Promise<proto.KeyClaim> {
    const until = performance.now() + patienceMs;
    for (;;) {
      const claim = await this.store.insert(request);
      if (claim !== undefined) return { claim, effects: [] };
      const known = await this.#known(request);
      if (known) return known;
      if (performance.now() > until || call.signal?.aborted) throw new LxdError('conflict', 'The first request with this Idempotency-Key is still under way');
      await sleep(lookAgainMs);
    }
  }

  async keep(_call: CallContext, request: proto.KeepAnswer): Promise<common.Empty> {
    await this.store.keep(request);
    return {};
  }

  async abandon(_call: CallContext, request: proto.ClaimRef): Promise<common.Empty> {
    await this.store.abandon(request);
    return {};
  }

  async free(_call: CallContext, request: proto.ClaimRef): Promise<common.Empty> {
    await this.store.remove(request);
    return {};
  }

  async renew(_call: CallContext, request: proto.RenewClaims): Promise<common.Empty> {
    await this.store.renew(request);
    return {};
  }

  /** Undefined while nothing can be said yet. */
  async #known(request: proto.KeyedRequest): Promise<proto.KeyClaim | undefined> {
    const row = await this.store.find(request);
    if (!row) return undefined;
    requireSame(row, request);
    const { claim, status, headers, body, body_digest } = row;
    if (status !== null) return { claim, answer: { status, headers: headers ?? {}, body: body ?? Buffer.alloc(0), body_digest }, effects: [] };
    if (!row.is_left) return undefined;
    const traces = await this.traces.of(claim, request.when_cut_off);
    if (traces === 'unsettled') return undefined;
    if (traces === 'none' && request.when_cut_off !== proto.WhenCutOff.REFUSE) {
      const anew = await this.store.startOver(row, request);
      return anew === undefined ? undefined : { claim: anew, effects: [] };
    }
    if (!(await this.store.takeOver(row, request))) return undefined;
    if (traces !== 'none') return { claim, ...traces };
    await this.store.abandon({ claim, process: request.process });
    throw new LxdError('conflict', 'The first request with this Idempotency-Key was cut off, and what it did is not known');
  }
}

function requireSame(row: KeyRow, request: proto.KeyedRequest): void {
  const sameBody = row.body_digest === '' || request.body_digest === '' || row.body_digest === request.body_digest;
  if (row.digest !== request.digest || !sameBody) throw new LxdError('unprocessable', 'This Idempotency-Key was used for another request');
}
