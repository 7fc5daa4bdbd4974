import { pino, type Logger } from 'pino';

export type { Logger };

/** Structured lines on standard error; level by ASTERISM_LOG ("info" when unset). */
export function createLogger(service: string): Logger {
  return pino({ name: service, level: process.env['ASTERISM_LOG'] ?? 'info', base: { service } }, pino.destination({ dest: 2, sync: true }));
}
