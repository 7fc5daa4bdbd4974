import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** Reached without an upgrade only: websockets are opened before routing. */
@Controller('1.0/events')
export class EventsController {
  @Get()
  refuseWithoutUpgrade(@Res() reply: FastifyReply): void {
    void reply.code(400).headers({ 'Content-Type': 'text/plain; charset=utf-8', 'Sec-WebSocket-Version': '13' }).send('Bad Request\n');
  }
}
