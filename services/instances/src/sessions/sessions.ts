import { randomBytes, randomUUID } from 'node:crypto';
import { Agents } from '@asterism/agents';
import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { AsterismEvent } from '@asterism/events';
import type { agentInstances, common, instances } from '@asterism/proto';
import { childCall, type CallContext } from '@asterism/rpc';
import { Tasks } from '@asterism/tasks';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning, sorted, type InstanceRow } from '../instance.js';
import { Admission, operationOn } from '../admission.js';
import { InstanceStore } from '../instance.store.js';
import { InstanceTasks } from '../instance-tasks.js';
import { refOf } from '../power/power.js';
import { Refused } from '../refusal.js';
import { lifecycleOf } from '../task-parts.js';

const askSilentMs = 3_000;

/** Commands and consoles: operations whose sockets are opened with secrets that only the creator sees. */
@Injectable()
export class Sessions {
  constructor(
    @Inject(Tasks) private readonly tasks: Tasks,
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Admission) private readonly admission: Admission,
  ) {}

  async exec(call: CallContext, request: instances.ExecRequest): Promise<instances.SessionAnswer> {
    const { project, name, view } = refOf(request.instance);
    const row = await this.confirmed(call, await this.store.get(project, name, view));
    requireRunning(row);
    if (request.command.length === 0) return this.noCommand(call, row);
    const environment = execEnvironment(row, request);
    const fds = !request.wait_for_websocket ? [] : request.interactive ? ['0', 'control'] : ['0', '1', '2', 'control'];
    return this.open(call, {
      row,
      fds,
      description: 'Executing command',
      metadata: { command: request.command, environment, interactive: request.interactive },
      recorded: request.record_output,
      event: lifecycleOf(call, 'instance-exec', row, { command: request.command }),
      start: (id) => this.agents.on(row.member).instances.startExec(call, execSession(id, row, request, environment)),
    });
  }

  async console(call: CallContext, request: instances.ConsoleRequest): Promise<instances.SessionAnswer> {
    const { project, name, view } = refOf(request.instance);
    const row = await this.confirmed(call, await this.store.get(project, name, view));
    const { width, height, type } = { ...request, type: request.type || 'console' };
    if (type !== 'console' && type !== 'vga') throw new LxdError('bad-request', `Unknown console type ${JSON.stringify(type)}`);
    if (type === 'vga' && row.type !== 'virtual-machine') throw new LxdError('bad-request', 'VGA console is only supported by virtual machines');
    requireRunning(row);
    return this.open(call, {
      row,
      fds: ['0', 'control'],
      description: 'Showing console',
      event: lifecycleOf(call, 'instance-console', row, { type }),
      start: (id) => this.agents.on(row.member).instances.startConsole(call, { id, instance_id: row.id, width, height, type }),
    });
  }

  /** Of a member that was not heard of for a while nothing is recorded; whether the instance runs is asked of its agent. */
  private async confirmed(call: CallContext, row: InstanceRow): Promise<InstanceRow> {
    if (row.status !== 'Error') return row;
    const seen = await this.agents.on(row.member).instances.states(childCall(call, { timeoutMs: askSilentMs }), { ids: [row.id] }).catch(() => undefined);
    const status = seen?.by_id[row.id]?.status;
    return status === 'Running' || status === 'Frozen' ? { ...row, status } : row;
  }

  /** LXD finds out when it looks for the command's process. */
  private async noCommand(call: CallContext, row: InstanceRow): Promise<instances.SessionAnswer> {
    const operation = operationOn({ input: row, description: 'Executing command' });
    return { operation: await this.admission.fail(call, operation, new Refused('Failed to retrieve PID of executing child process')), member: row.member, secrets: {} };
  }

  private async open(call: CallContext, opening: Opening): Promise<instances.SessionAnswer> {
    const { row, fds, metadata } = opening;
    const id = randomUUID();
    const secrets = Object.fromEntries(fds.map((fd) => [fd, randomBytes(32).toString('hex')]));
    const operation = await this.tasks.follow(
      call,
      this.definitions.session,
      {
        id,
        event: opening.event,
        input: { member: row.member, name: row.name, recorded: opening.recorded ?? false },
        operation: {
          description: opening.description,
          project: row.project,
          resources: { instances: [`/1.0/instances/${row.name}`], containers: [`/1.0/containers/${row.name}`] },
          websocket: fds.length > 0,
          ...(fds.length > 0 && metadata ? { metadata } : {}),
        },
      },
      () => opening.start(id),
    );
    return { operation: withSecrets(operation, secrets), member: row.member, secrets };
  }
}

interface Opening {
  row: InstanceRow;
  description: string;
  /** Sockets by fd; none for a command that runs without them. */
  fds: readonly string[];
  metadata?: Record<string, unknown>;
  recorded?: boolean;
  event: AsterismEvent;
  /** Starts the session on its agent, once the operation stands. */
  start(id: string): Promise<common.Empty>;
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
  return sorted(environment);
}

function execSession(id: string, row: InstanceRow, request: instances.ExecRequest, environment: Record<string, string>): agentInstances.ExecSession {
  const { command, wait_for_websocket, interactive, width, height, user, group, record_output } = request;
  const cwd = request.cwd || environment['HOME'] || '/';
  return { id, instance_id: row.id, command, environment, wait_for_websocket, interactive, width, height, user, group, cwd, record_output };
}

/** The answer of the creator, and of nobody else: LXD's metadata.fds. */
function withSecrets(operation: common.OperationAnswer, secrets: Record<string, string>): common.OperationAnswer {
  if (Object.keys(secrets).length === 0) return operation;
  const record = JSON.parse(operation.json.toString()) as { metadata: Record<string, unknown> | null };
  const metadata = Object.fromEntries(Object.entries({ ...record.metadata, fds: secrets }).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { id: operation.id, json: Buffer.from(JSON.stringify({ ...record, metadata })) };
}
