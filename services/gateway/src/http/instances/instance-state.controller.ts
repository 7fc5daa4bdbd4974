import { changeStateBody, consoleBody, execBody } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { Token, type Instances, type instances } from '@asterism/proto';
import { Controller, Get, Inject, Post, Put, Req } from '@nestjs/common';
import { SessionTickets } from '../../websockets/session-tickets.js';
import { started, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, type ApiRequest } from '../request.js';
import { instancePaths, instanceRef } from './instance-ref.js';

/** State of an instance, and the sessions that run in it. */
@Controller(instancePaths.map((path) => `${path}/:name`))
export class InstanceStateController {
  constructor(
    @Inject(Token.Instances) private readonly instances: Instances,
    @Inject(SessionTickets) private readonly tickets: SessionTickets,
  ) {}

  @Get('state')
  async get(@Req() request: ApiRequest): Promise<Answer> {
    return sync(await this.instances.getState(callOf(request), instanceRef(request)));
  }

  @Put('state')
  async change(@Req() request: ApiRequest): Promise<Answer> {
    const instance = instanceRef(request);
    const { timeout, ...change } = await bodyOf(request, changeStateBody);
    return started(await this.instances.changeState(callOf(request), { ...change, instance, timeout_s: timeout, host_shutdown: false }));
  }

  @Post('exec')
  async exec(@Req() request: ApiRequest): Promise<Answer> {
    const instance = instanceRef(request);
    const sent = await bodyOf(request, execBody);
    const session = await this.instances.exec(callOf(request), {
      instance,
      command: sent.command,
      wait_for_websocket: sent['wait-for-websocket'],
      interactive: sent.interactive,
      environment: sent.environment,
      width: sent.width,
      height: sent.height,
      record_output: sent['record-output'],
      user: sent.user,
      group: sent.group,
      cwd: sent.cwd,
    });
    return this.#opened(session);
  }

  @Post('console')
  async console(@Req() request: ApiRequest): Promise<Answer> {
    const instance = instanceRef(request);
    const sent = await bodyOf(request, consoleBody);
    const type = sent.type || 'console';
    if (type !== 'console' && type !== 'vga') throw new LxdError('bad-request', `Unknown console type ${JSON.stringify(type)}`);
    return this.#opened(await this.instances.console(callOf(request), { instance, type, width: sent.width, height: sent.height }));
  }

  async #opened(session: instances.SessionAnswer): Promise<Answer> {
    await this.tickets.issue(session);
    return started(session.operation);
  }
}
