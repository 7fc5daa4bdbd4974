import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Database } from '@asterism/database';
import { operations as proto, Token, type Operations, type common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import type { ImageRow } from './image.js';
import { imageUrl } from './image-project.js';

/** How long an unused secret is good, and how long after its first use. */
const unusedSeconds = 3600;
const usedSeconds = 5;

/** Tokens that let a stranger download one private image. The public side is an operation of class "token". */
@Injectable()
export class ImageSecrets {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Token.Operations) private readonly operations: Operations,
  ) {}

  async create(call: CallContext, project: string, image: ImageRow): Promise<common.OperationAnswer> {
    const secret = randomBytes(32).toString('hex');
    const id = randomUUID();
    await this.database.query(
      `INSERT INTO images.secrets (hash, operation, project, fingerprint, ends_at) VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
      [hashed(secret), id, image.project, image.fingerprint, unusedSeconds],
    );
    return this.operations.open(call, {
      id,
      class: proto.OperationClass.TOKEN,
      description: 'Image download token',
      project,
      resources: { images: { urls: [imageUrl(project, image.fingerprint)] } },
      metadata: Buffer.from(JSON.stringify({ secret })),
      may_cancel: true,
      owner: 'images',
      location: '',
    });
  }

  /** Whether the secret opens this image; its first use ends the token. */
  async opens(call: CallContext, image: ImageRow, secret: string): Promise<boolean> {
    if (secret === '') return false;
    const rows = await this.database.query<{ operation: string; first: boolean }>(
      `UPDATE images.secrets AS s SET ends_at = least(s.ends_at, now() + make_interval(secs => $4))
       FROM (SELECT hash, ends_at > now() + make_interval(secs => $4) AS first FROM images.secrets WHERE hash = $1 FOR UPDATE) AS before
       WHERE s.hash = before.hash AND s.project = $2 AND s.fingerprint = $3 AND s.ends_at > now() RETURNING s.operation, before.first`,
      [hashed(secret), image.project, image.fingerprint, usedSeconds],
    );
    const [row] = rows;
    if (!row) return false;
    if (row.first) await this.operations.close(call, { id: row.operation, status_code: 401, error: '', metadata: Buffer.alloc(0), steps: Buffer.alloc(0) });
    return true;
  }

  async forgetOld(): Promise<void> {
    await this.database.query('DELETE FROM images.secrets WHERE ends_at < now()');
  }
}

function hashed(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
