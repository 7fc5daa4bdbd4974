import { randomBytes, randomUUID } from 'node:crypto';
import { Agents } from '@asterism/agents';
import { CacheToken, type Cache } from '@asterism/cache';
import { instanceKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { LxdError, fromUnknown } from '@asterism/errors';
import { operations as operationsProto, Token, type Operations, type agentInstances, type common, type instances } from '@asterism/proto';
import { systemCall, type CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning, type InstanceRow } from '../instance.js';
import { InstanceStore } from '../instance.store.js';
import { refOf } from '../power/power.js';
import { emit } from '../task-parts.js';

/** What a one-use socket secret stands for; the gateway takes it and joins the session on its member. */
export interface SessionTicket {
  sessionId: string;
  /** "0", "1", "2" or "control". */
  fd: string;
  member: string;
}

export const ticketKey = (secret: string): string => `session:${secret}`;
/** Longer than the agent waits for sockets to connect. */
const ticketTtlMs = 60_000;

interface Opening {
  row: InstanceRow;
  description: string;
  /** Sockets by fd; none for a command that runs without them. */
  fds: readonly string[];
  metadata?: Record<string, unknown>;
}

/** Commands and consoles: operations whose sockets are opened with secrets that only the creator sees. */
@Injectable()
export class Sessions {
  constructor(
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(CacheToken) private readonly cache: Cache,
    @Inject(Token.Operations) private readonly operations: Operations,
    @Inject(Database) private readonly database: Database,
  ) {}

  async exec(call: CallContext, request: instances.ExecRequest): Promise<instances.SessionAnswer> {
    const row = await this.runningInstance(refOf(request.instance));
    const environment = execEnvironment(row, request);
    const fds = !request.wait_for_websocket ? [] : request.interactive ? ['0', 'control'] : ['0', '1', '2', 'control'];
    const metadata = { command: request.command, environment, interactive: request.interactive };
    const answer = await this.open(call, { row, description: 'Executing command', fds, metadata }, (id) =>
      this.agents.on(row.member).instances.startExec(call, execSession(id, row, request, environment)),
    );
    await this.database.transact(async (unit) => emit(unit, call, 'instance-exec', row, { command: request.command }));
    void this.conclude(answer.operation!.id, row, request.record_output);
    return answer;
  }

  async console(call: CallContext, request: instances.ConsoleRequest): Promise<instances.SessionAnswer> {
    const ref = refOf(request.instance);
    const row = await this.store.get(ref.project, ref.name, ref.view);
    const type = request.type || 'console';
    if (type !== 'console' && type !== 'vga') throw new LxdError('bad-request', `Unknown console type ${JSON.stringify(type)}`);
    if (type === 'vga' && row.type !== 'virtual-machine') throw new LxdError('bad-request', 'VGA console is only supported by virtual machines');
    requireRunning(row);
    const answer = await this.open(call, { row, description: 'Showing console', fds: ['0', 'control'] }, (id) =>
      this.agents.on(row.member).instances.startConsole(call, { id, instance_id: row.id, width: request.width, height: request.height, type }),
    );
    await this.database.transact(async (unit) => emit(unit, call, 'instance-console', row, { type }));
    void this.conclude(answer.operation!.id, row, false);
    return answer;
  }

  private async runningInstance(ref: instances.InstanceRef): Promise<InstanceRow> {
    const row = await this.store.get(ref.project, ref.name, ref.view);
    requireRunning(row);
    return row;
  }

  private async open(call: CallContext, opening: Opening, start: (id: string) => Promise<common.Empty>): Promise<instances.SessionAnswer> {
    const { row, fds, metadata } = opening;
    const id = randomUUID();
    const secrets = Object.fromEntries(fds.map((fd) => [fd, randomBytes(32).toString('hex')]));
    const operation = await this.operations.open(call, {
      id,
      class: fds.length > 0 ? operationsProto.OperationClass.WEBSOCKET : operationsProto.OperationClass.TASK,
      description: opening.description,
      project: row.project,
      resources: { instances: { urls: [`/1.0/instances/${row.name}`] }, containers: { urls: [`/1.0/containers/${row.name}`] } },
      metadata: Buffer.from(fds.length > 0 && metadata ? JSON.stringify(metadata) : ''),
      may_cancel: false,
      owner: 'instances',
      location: '',
    });
    try {
      await Promise.all(Object.entries(secrets).map(([fd, secret]) => this.cache.set(ticketKey(secret), { sessionId: id, fd, member: row.member } satisfies SessionTicket, ticketTtlMs)));
      await start(id);
    } catch (error) {
      await this.operations.close(call, { id, status_code: 400, error: fromUnknown(error).message, metadata: Buffer.alloc(0) });
    }
    return { operation: withSecrets(operation, secrets), member: row.member, secrets };
  }

  /** Waits for the session's end and closes its operation. */
  private async conclude(id: string, row: InstanceRow, recorded: boolean): Promise<void> {
    const call = systemCall();
    try {
      const result = await this.agents.on(row.member).instances.waitSession(call, { id });
      const metadata = resultMetadata(row, result, recorded);
      await this.operations.close(call, { id, status_code: result.error ? 400 : 200, error: result.error, metadata: Buffer.from(JSON.stringify(metadata)) });
    } catch (error) {
      await this.operations.close(call, { id, status_code: 400, error: fromUnknown(error).message, metadata: Buffer.alloc(0) }).catch(() => undefined);
    }
  }
}

function requireRunning(row: InstanceRow): void {
  if (!isRunning(row)) throw new LxdError('bad-request', 'Instance is not running');
  if (row.status === 'Frozen') throw new LxdError('bad-request', 'Instance is frozen');
}

/** The instance's environment.* under the request's own, with LXD's defaults. */
export function execEnvironment(row: Pick<InstanceRow, 'expanded_config'>, request: Pick<instances.ExecRequest, 'environment' | 'user'>): Record<string, string> {
  const prefix = instanceKeys.environment.name.slice(0, -1);
  const configured = Object.entries(row.expanded_config).filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value] as const);
  const environment: Record<string, string> = { ...Object.fromEntries(configured), ...request.environment };
  environment['PATH'] ??= '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  if (!request.user) {
    environment['HOME'] ??= '/root';
    environment['USER'] ??= 'root';
  }
  environment['LANG'] ??= 'C.UTF-8';
  return environment;
}

function execSession(id: string, row: InstanceRow, request: instances.ExecRequest, environment: Record<string, string>): agentInstances.ExecSession {
  const { command, wait_for_websocket, interactive, width, height, user, group, cwd, record_output } = request;
  return { id, instance_id: row.id, command, environment, wait_for_websocket, interactive, width, height, user, group, cwd, record_output };
}

function resultMetadata(row: InstanceRow, result: agentInstances.SessionResult, recorded: boolean): Record<string, unknown> {
  const outputs = Object.entries(result.output).map(([fd, file]) => [fd, `/1.0/instances/${row.name}/logs/${file}`]);
  if (result.error && result.exit_code === 0) return {};
  return { return: result.exit_code, ...(recorded ? { output: Object.fromEntries(outputs) } : {}) };
}

/** The answer of the creator, and of nobody else: LXD's metadata.fds. */
function withSecrets(operation: common.OperationAnswer, secrets: Record<string, string>): common.OperationAnswer {
  if (Object.keys(secrets).length === 0) return operation;
  const record = JSON.parse(operation.json.toString()) as { metadata: Record<string, unknown> | null };
  const metadata = Object.fromEntries(Object.entries({ ...record.metadata, fds: secrets }).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { id: operation.id, json: Buffer.from(JSON.stringify({ ...record, metadata })) };
}
