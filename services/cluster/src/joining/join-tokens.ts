import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@asterism/database';
import { isKind, LxdError } from '@asterism/errors';
import { operations as operationsProto, Token, type cluster, type common, type Operations } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { ClusterMembers } from '../members/cluster-members.js';
import { requireMemberName } from '../members/member-name.js';
import { isClustered, MemberStore } from '../members/member.store.js';
import { Authority } from './authority.js';
import { newSecret, readJoinToken, secretHash } from './join-token.js';

const running = 103;
const cancelled = 401;
/** As in the reference. */
const validForMs = 3 * 3_600_000;

/** A join token is an operation that waits until the server that it names comes with its secret, once. */
@Injectable()
export class JoinTokens {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(ClusterMembers) private readonly clusterMembers: ClusterMembers,
    @Inject(Token.Operations) private readonly operations: Operations,
    @Inject(Authority) private readonly authority: Authority,
  ) {}

  async issue(call: CallContext, { server_name, fingerprint, reached_at = '' }: cluster.IssueJoinToken): Promise<common.OperationAnswer> {
    const members = await this.members.listWithoutEnvironment();
    if (!isClustered(members)) throw new LxdError('bad-request', 'This server is not clustered');
    requireMemberName(server_name);
    if (members.some(({ name }) => name === server_name)) throw new LxdError('bad-request', `A cluster member already exists with name "${server_name}"`);
    await this.authority.require();
    const addresses = await this.authority.apiAddresses(members.filter(await this.clusterMembers.judge()), reached_at);
    const secret = newSecret();
    const id = randomUUID();
    const expiresAt = new Date(Date.now() + validForMs);
    await this.database.query('INSERT INTO cluster.join_tokens (hash, operation, server_name, expires_at) VALUES ($1, $2, $3, $4)', [secretHash(secret), id, server_name, expiresAt]);
    return this.operations.open(call, {
      id,
      class: operationsProto.OperationClass.TOKEN,
      description: 'Executing operation',
      project: 'default',
      resources: { cluster: { urls: [] } },
      metadata: Buffer.from(JSON.stringify({ addresses, expiresAt: expiresAt.toISOString(), fingerprint, secret, serverName: server_name })),
      may_cancel: true,
      owner: 'cluster',
      location: '',
    });
  }

  /** Whether the text is a token at all; one that is spent, expired, cancelled or for another name is refused. */
  async redeem(call: CallContext, text: string, serverName: string): Promise<boolean> {
    const token = readJoinToken(text);
    if (!token) return false;
    const [row] = await this.database.query<{ operation: string; valid: boolean }>('DELETE FROM cluster.join_tokens WHERE hash = $1 AND server_name = $2 RETURNING operation, expires_at > now() AS valid', [secretHash(token.secret), serverName]);
    if (row && !row.valid) throw new LxdError('forbidden', 'Failed during search for join token operation: Token has expired');
    if (!row || !(await this.#isRunning(call, row.operation))) throw new LxdError('forbidden', 'No matching cluster join operation found');
    await this.operations.close(call, { id: row.operation, status_code: cancelled, error: '', metadata: Buffer.alloc(0), steps: Buffer.alloc(0) });
    return true;
  }

  async #isRunning(call: CallContext, id: string): Promise<boolean> {
    try {
      const { json } = await this.operations.get(call, { id, secret: '', visible_projects: [] });
      return (JSON.parse(json.toString()) as { status_code: number }).status_code === running;
    } catch (error) {
      if (isKind(error, 'not-found')) return false;
      throw error;
    }
  }
}
