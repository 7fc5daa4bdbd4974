import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeEmbeddedPostgres } from '@asterism/database';
import type { Membership } from '@asterism/service';
import { createLogger } from '@asterism/telemetry';
import { readMembership, removeMembership, writeMembership } from './membership-file.js';
import { startStandalone, type Standalone } from './standalone.js';

const logger = createLogger('server');
/** The answers of the joining operation are on their way by then. */
const graceMs = 1_000;

/** What runs on a state directory: a host of its own, or a member of a cluster; one becomes the other without a new process. */
export class Server implements Standalone {
  #current: Standalone | undefined;
  #closing = false;
  #changing: Promise<void> = Promise.resolve();

  constructor(private readonly stateDir: string) {}

  async start(): Promise<void> {
    const membership = await readMembership(this.stateDir);
    // Killed right after it had joined, it still has the one of its own.
    if (membership) await removeEmbeddedPostgres(join(this.stateDir, 'database'));
    this.#current = membership ? await this.#member(membership) : await this.#alone();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#changing;
    await this.#current?.close();
  }

  /** What a crash cut off goes on while this starts: a joining that comes to its end before waits. */
  async #alone(): Promise<Standalone> {
    const started = Promise.withResolvers<Standalone>();
    const alone = await startStandalone(this.stateDir, async (membership, clear) => this.#become(await started.promise, { membership, clear }));
    started.resolve(alone);
    return alone;
  }

  /** The new side serves before the old one ends: whoever waits for the joining operation hears its end from the old one. */
  async #become(old: Standalone, { membership, clear }: { membership: Membership; clear: () => Promise<void> }): Promise<void> {
    await clear();
    await writeMembership(this.stateDir, membership);
    try {
      await old.handOver?.();
      this.#current = await this.#member(membership);
    } catch (error) {
      await removeMembership(this.stateDir);
      await old.takeBack?.();
      throw error;
    }
    this.#changing = sleep(graceMs)
      .then(() => old.close())
      .then(() => rm(join(this.stateDir, 'database'), { recursive: true, force: true }))
      .catch((error: unknown) => logger.error({ err: error }, 'what the host had before it joined was not ended cleanly'));
  }

  async #member(membership: Membership): Promise<Standalone> {
    const { startMember } = await import('./member.js');
    // What it had before it joined goes first: the same directory is needed again.
    return startMember(this.stateDir, membership, () => void (this.#changing = this.#changing.then(() => this.#leave())));
  }

  /** Removed from its cluster: the host begins anew, with nothing. */
  async #leave(): Promise<void> {
    if (this.#closing) return;
    logger.warn('this member was removed from its cluster; it begins anew as a server of its own');
    await removeMembership(this.stateDir);
    await this.#current?.close();
    await this.start();
  }
}
