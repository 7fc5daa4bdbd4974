import { createLogger } from '@asterism/telemetry';

/** Work that comes again and again, never twice at the same time. What a round fails with is logged, once while it stays the same. */
export class Rounds {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #failure = '';

  constructor(
    private readonly name: string,
    /** 0 for never by itself. */
    private readonly everySeconds: number,
    private readonly work: () => Promise<void>,
  ) {}

  start(): void {
    if (this.everySeconds > 0) this.#later();
  }

  /** Makes a round, or waits for the one that is under way. */
  now(): Promise<void> {
    this.#running ??= this.#round().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Not all processes of a host at the same moment. */
  #later(): void {
    const waitMs = this.everySeconds * 1000 * (0.9 + 0.2 * Math.random());
    this.#timer = setTimeout(() => void this.now().then(() => this.#stopped || this.#later()), waitMs).unref();
  }

  async #round(): Promise<void> {
    const failure = await this.work().then(() => '', (error: unknown) => (error instanceof Error ? error.message : String(error)));
    if (failure !== '' && failure !== this.#failure && !this.#stopped) createLogger(this.name).warn(`not looked after: ${failure}`);
    this.#failure = failure;
  }
}

/** The work for each of them, also after one with which it fails: a member that is away keeps nobody from being looked after. */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let failure: unknown;
  for (const item of items) await work(item).catch((error: unknown) => (failure ??= error));
  if (failure !== undefined) throw failure;
}
