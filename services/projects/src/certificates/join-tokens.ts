import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { isKind, LxdError } from '@asterism/errors';
import { operations as operationsProto, Token, type certificates, type Cluster, type common, type Operations } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { CertificateStore, type TokenRow } from './certificate.store.js';
import { newSecret, secretHash } from './trust-token.js';

const running = 103;
const cancelled = 401;

/** Join tokens: an operation that waits until a client comes with its secret, once. */
@Injectable()
export class JoinTokens {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CertificateStore) private readonly store: CertificateStore,
    @Inject(Token.Operations) private readonly operations: Operations,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
  ) {}

  async issue(call: CallContext, request: certificates.AddCertificate): Promise<common.OperationAnswer> {
    const addresses = await this.#addresses(call);
    if (addresses.length === 0) throw new LxdError('bad-request', "Can't issue token when server isn't listening on network");
    const { name, type, restricted, projects } = request;
    const token: TokenRow = { operation_id: randomUUID(), name, type, restricted, projects };
    const secret = newSecret();
    await this.database.transact((unit) => this.store.insertToken(unit, token, secretHash(secret)));
    const metadata = { addresses, fingerprint: request.server_fingerprint, request: { name, type, restricted, projects, certificate: '', password: '', token: true }, secret };
    return this.operations.open(call, {
      id: token.operation_id,
      class: operationsProto.OperationClass.TOKEN,
      description: 'Executing operation',
      project: 'default',
      resources: {},
      metadata: Buffer.from(JSON.stringify(metadata)),
      may_cancel: true,
      owner: 'projects',
      location: '',
    });
  }

  /** What the token's issuer granted; the token is spent by asking. A cancelled operation takes its token with it. */
  async redeem(call: CallContext, secret: string): Promise<TokenRow> {
    const token = await this.database.transact((unit) => this.store.takeToken(unit, secretHash(secret)));
    if (!token || !(await this.#isRunning(call, token.operation_id))) throw new LxdError('forbidden', 'No matching certificate add operation found');
    await this.operations.close(call, { id: token.operation_id, status_code: cancelled, error: '', metadata: Buffer.alloc(0), steps: Buffer.alloc(0) });
    return token;
  }

  async #isRunning(call: CallContext, id: string): Promise<boolean> {
    try {
      const operation = await this.operations.get(call, { id, secret: '', visible_projects: [] });
      return (JSON.parse(operation.json.toString()) as { status_code: number }).status_code === running;
    } catch (error) {
      if (isKind(error, 'not-found')) return false;
      throw error;
    }
  }

  async #addresses(call: CallContext): Promise<string[]> {
    const server = await this.cluster.getServer(call, { target: '' });
    return (JSON.parse(server.json.toString()) as { environment: { addresses: string[] } }).environment.addresses;
  }
}
