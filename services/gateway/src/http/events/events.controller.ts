import { Token, type Operations, type Projects } from '@asterism/proto';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { audienceOf, eventWish, journalWish } from '../../events/event-wish.js';
import { sync } from '../answer.js';
import { callOf, type ApiRequest } from '../request.js';

const pageSize = 500;

/** Reached without an upgrade only: websockets are opened before routing. */
@Controller('1.0/events')
export class EventsController {
  constructor(
    @Inject(Token.Operations) private readonly operations: Operations,
    @Inject(Token.Projects) private readonly projects: Projects,
  ) {}

  /** With a cursor, the page of events that follows it; LXD has none without an upgrade. */
  @Get()
  async read(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const wish = eventWish(new URL(request.url, 'http://gateway').searchParams, request.identity.admin);
    if (wish.since === undefined) {
      await reply.code(400).headers({ 'Content-Type': 'text/plain; charset=utf-8', 'Sec-WebSocket-Version': '13' }).send('Bad Request\n');
      return;
    }
    const audience = await audienceOf(wish, request.identity, this.projects);
    await reply.send(sync(await this.operations.read(callOf(request), { wish: journalWish(audience, wish.since), limit: pageSize })));
  }
}
