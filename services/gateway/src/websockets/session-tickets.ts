import { CacheToken, type Cache } from '@asterism/cache';
import type { instances } from '@asterism/proto';
import { Inject, Injectable } from '@nestjs/common';

/** Where a socket of a session leads. */
export interface SessionTicket {
  session: string;
  /** "0", "1", "2" or "control". */
  fd: string;
  member: string;
}

const validMs = 60_000;

/** The secrets of exec and console sessions: each opens its socket once, on any gateway. */
@Injectable()
export class SessionTickets {
  constructor(@Inject(CacheToken) private readonly cache: Cache) {}

  async issue({ operation, member, secrets }: instances.SessionAnswer): Promise<void> {
    const session = operation!.id;
    const entries = Object.entries(secrets).map(([fd, secret]) => this.cache.set(key(session, secret), { session, fd, member } satisfies SessionTicket, validMs));
    await Promise.all(entries);
  }

  async redeem(session: string, secret: string): Promise<SessionTicket | undefined> {
    return this.cache.take<SessionTicket>(key(session, secret));
  }
}

function key(session: string, secret: string): string {
  return `session:${session}:${secret}`;
}
