import { Database, type Unit } from '@asterism/database';
import type { idempotency as proto } from '@asterism/proto';
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { wasInterrupted } from '../operation.js';
import { findOperationOfClaim } from '../operation.store.js';

export interface KeyRow {
  claim: string;
  digest: string;
  body_digest: string;
  gateway: string;
  process: string;
  status: number | null;
  headers: Record<string, string> | null;
  body: Buffer | null;
  /** Nobody works on it any more, though it has no answer. */
  is_left: boolean;
}

const leaseSeconds = 15;
/** What a gateway that was killed and is back had passed on may still be running. */
const settlingSeconds = 2;

/** Queries of operations.idempotency_keys. */
@Injectable()
export class KeyStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** The new claim, or undefined where the key is known. */
  async insert(request: proto.KeyedRequest): Promise<string | undefined> {
    const rows = await this.database.query<{ claim: string }>(
      `INSERT INTO operations.idempotency_keys (claim, requestor, key, digest, body_digest, gateway, process, renewed_at, lease_until)
       VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now() + make_interval(secs => $8)) ON CONFLICT (requestor, key) DO NOTHING RETURNING claim`,
      [randomUUID(), request.requestor, request.key, request.digest, request.body_digest, request.gateway, request.process, leaseSeconds],
    );
    return rows[0]?.claim;
  }

  async find({ requestor, key, gateway, process, under_way }: proto.KeyedRequest): Promise<KeyRow | undefined> {
    const rows = await this.database.query<KeyRow>(
      `SELECT claim, digest, body_digest, gateway, process, status, headers, body, status IS NULL AND
         (lease_until <= now() AND claim <> ALL($6::uuid[]) OR gateway = $3 AND process <> $4 AND renewed_at < now() - make_interval(secs => $5)) AS is_left
       FROM operations.idempotency_keys WHERE requestor = $1 AND key = $2`,
      [requestor, key, gateway, process, settlingSeconds, under_way],
    );
    return rows[0];
  }

  /** Makes the caller the one who decides about a call that was cut off; false when another was faster. */
  async takeOver(row: KeyRow, { gateway, process, body_digest }: proto.KeyedRequest): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE operations.idempotency_keys SET gateway = $3, process = $4, body_digest = $5, renewed_at = now(), lease_until = now() + make_interval(secs => $6)
       WHERE claim = $1 AND process = $2 AND status IS NULL RETURNING claim`,
      [row.claim, row.process, gateway, process, body_digest || row.body_digest, leaseSeconds],
    );
    return rows.length === 1;
  }

  /**
   * Gives a call that was cut off and left no trace a new claim to run again under: what the first call still opens under its own is refused.
   * Undefined when it has opened something meanwhile, or another was faster.
   */
  async startOver(row: KeyRow, { gateway, process, body_digest }: proto.KeyedRequest): Promise<string | undefined> {
    return this.database.transact(async (unit) => {
      const held = await unit.query(`SELECT 1 FROM operations.idempotency_keys WHERE claim = $1 AND process = $2 AND status IS NULL FOR UPDATE`, [row.claim, row.process]);
      if (held.length === 0) return undefined;
      const opened = await findOperationOfClaim(unit, row.claim);
      if (opened && !wasInterrupted(opened)) return undefined;
      const claim = randomUUID();
      unit.run(
        `UPDATE operations.idempotency_keys SET claim = $2, gateway = $3, process = $4, body_digest = $5, renewed_at = now(), lease_until = now() + make_interval(secs => $6) WHERE claim = $1`,
        [row.claim, claim, gateway, process, body_digest || row.body_digest, leaseSeconds],
      );
      return claim;
    });
  }

  async keep({ claim, process, answer }: proto.KeepAnswer): Promise<void> {
    const { status, headers, body, body_digest } = answer!;
    await this.database.query(
      `UPDATE operations.idempotency_keys SET status = $3, headers = $4, body = $5, body_digest = $6 WHERE claim = $1 AND process = $2 AND status IS NULL`,
      [claim, process, status, headers, Buffer.from(body), body_digest],
    );
  }

  async abandon({ claim, process }: proto.ClaimRef): Promise<void> {
    await this.database.query(
      `UPDATE operations.idempotency_keys SET process = process || '!', lease_until = now() WHERE claim = $1 AND process = $2 AND status IS NULL`,
      [claim, process],
    );
  }

  async remove({ claim, process }: proto.ClaimRef): Promise<void> {
    await this.database.query(`DELETE FROM operations.idempotency_keys WHERE claim = $1 AND process = $2 AND status IS NULL`, [claim, process]);
  }

  async renew({ claims, process }: proto.RenewClaims): Promise<void> {
    await this.database.query(
      `UPDATE operations.idempotency_keys SET renewed_at = now(), lease_until = now() + make_interval(secs => $3) WHERE claim = ANY($1::uuid[]) AND process = $2 AND status IS NULL`,
      [claims, process, leaseSeconds],
    );
  }

  async forgetOlderThan(unit: Unit, hours: number): Promise<void> {
    await unit.query(`DELETE FROM operations.idempotency_keys WHERE created_at < now() - make_interval(hours => $1) AND (status IS NOT NULL OR lease_until < now())`, [hours]);
  }
}
