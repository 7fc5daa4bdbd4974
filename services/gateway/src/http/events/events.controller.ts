import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { eventWish } from '../../events/event-wish.js';
import type { ApiRequest } from '../request.js';

/** Reached without an upgrade only: websockets are opened before routing. */
@Controller('1.0/events')
export class EventsController {
  @Get()
  refuseWithoutUpgrade(@Req() request: ApiRequest, @Res() reply: FastifyReply): void {
    eventWish(new URL(request.url, 'http://gateway').searchParams, request.identity.admin);
    void reply.code(400).headers({ 'Content-Type': 'text/plain; charset=utf-8', 'Sec-WebSocket-Version': '13' }).send('Bad Request\n');
  }
}
