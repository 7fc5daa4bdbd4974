import { LxdError } from '@asterism/errors';
import { Token, type operations, type Operations } from '@asterism/proto';
import { Controller, Delete, Get, Inject, Req } from '@nestjs/common';
import { changed, sync, type Answer } from '../answer.js';
import { refuseSession } from '../../websockets/refuse-session.js';
import { abortableCallOf, callOf, isTrue, listOf, parameter, query, visibleProjects, type ApiRequest } from '../request.js';

@Controller('1.0/operations')
export class OperationsController {
  constructor(@Inject(Token.Operations) private readonly operations: Operations) {}

  @Get()
  async list(@Req() request: ApiRequest): Promise<Answer> {
    const { project, all_projects, recursion, visible_projects } = listOf(request);
    const since = endedSince(query(request, 'history'));
    return sync(await this.operations.list(callOf(request), { project, all_projects, recursion, visible_projects, ...since }));
  }

  @Get(':id')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    const call = callOf(request);
    const ref = operationRef(request);
    return sync(await (isTrue(query(request, 'history')) ? this.operations.getRecord(call, ref) : this.operations.get(call, ref)));
  }

  /** Strangers wait with the secret they were given. */
  @Get(':id/wait')
  async wait(@Req() request: ApiRequest): Promise<Answer> {
    const secret = query(request, 'secret');
    if (!request.identity.trusted && secret === '') throw new LxdError('forbidden', 'not authorized');
    const timeout = timeoutOf(query(request, 'timeout'));
    const wait = { id: parameter(request, 'id'), timeout_s: timeout, secret: request.identity.trusted ? '' : secret, visible_projects: visibleProjects(request.identity) };
    return sync(await this.operations.wait(abortableCallOf(request), wait));
  }

  @Delete(':id')
  async cancel(@Req() request: ApiRequest): Promise<Answer> {
    await this.operations.cancel(callOf(request), operationRef(request));
    return changed();
  }

  /** Reached without an upgrade only: sockets are opened before routing. */
  @Get(':id/websocket')
  async refuseWithoutUpgrade(@Req() request: ApiRequest): Promise<Answer> {
    return refuseSession(this.operations, callOf(request), parameter(request, 'id'), query(request, 'secret'));
  }
}

function operationRef(request: ApiRequest): operations.OperationRef {
  return { id: parameter(request, 'id'), secret: '', visible_projects: visibleProjects(request.identity) };
}

/** `history=true` asks for everything that is kept, a time for what ended since. */
function endedSince(history: string): { ended_since_ms?: number } {
  if (history === '' || history === 'false') return {};
  if (isTrue(history)) return { ended_since_ms: 0 };
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(history) ? Date.parse(history) : NaN;
  if (Number.isNaN(time)) throw new LxdError('bad-request', `Invalid history ${JSON.stringify(history)}: true, or a time as in RFC 3339`);
  return { ended_since_ms: time };
}

function timeoutOf(text: string): number {
  if (text === '') return -1;
  if (!/^[+-]?\d{1,9}$/.test(text)) throw new LxdError('internal', `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}
