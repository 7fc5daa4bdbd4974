import { dirname } from 'node:path';
import type { Host } from '../host/host.js';
import type { Followed } from './device.js';

/** Looks anew at an instance's followed devices. */
export type Refresh = (id: string) => Promise<void>;

const settleMs = 50;
/** An instance that is too busy to take a device is tried again. */
const againMs = 5_000;

/** Watches what the devices of running instances follow on the host, and has them refreshed when it comes or goes. */
export class FollowedDevices {
  readonly #followed = new Map<string, Followed[]>();
  readonly #watches = new Map<string, { stop(): void }>();
  #uevents: { stop(): void } | undefined;
  #due: NodeJS.Timeout | undefined;
  /** Instances whose last refresh failed. */
  readonly #failed = new Set<string>();
  #again: NodeJS.Timeout | undefined;

  constructor(
    private readonly host: Host,
    private readonly refresh: Refresh,
  ) {}

  /** What a running instance follows from now on; nothing when it ended. */
  follow(id: string, followed: readonly Followed[]): void {
    if (followed.length === 0 && !this.#followed.has(id)) return;
    if (followed.length > 0) this.#followed.set(id, [...followed]);
    else this.#followed.delete(id);
    void this.#watch().catch((error: unknown) => process.stderr.write(`devices cannot follow the host: ${String(error)}\n`));
  }

  stop(): void {
    clearTimeout(this.#due);
    clearTimeout(this.#again);
    this.#failed.clear();
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
    this.#uevents?.stop();
    this.#uevents = undefined;
    this.#followed.clear();
  }

  /** The directory of each path, or the next above it that is there. */
  async #watch(): Promise<void> {
    const followed = [...this.#followed.values()].flat();
    if (followed.some((each) => 'uevents' in each)) this.#uevents ??= this.host.uevents(() => this.#changed());
    const paths = new Set(followed.flatMap((each) => ('path' in each ? [each.path] : [])));
    const wished = new Set(await Promise.all([...paths].map((path) => this.#nearest(dirname(path)))));
    for (const [directory, watch] of this.#watches) {
      if (wished.has(directory)) continue;
      watch.stop();
      this.#watches.delete(directory);
    }
    for (const directory of wished) if (!this.#watches.has(directory)) this.#watches.set(directory, this.host.files.watch(directory, () => this.#changed()));
  }

  async #nearest(directory: string): Promise<string> {
    return directory === '/' || (await this.host.files.exists(directory)) ? directory : this.#nearest(dirname(directory));
  }

  /** Once for all that happens in a moment. */
  #changed(): void {
    this.#due ??= setTimeout(() => {
      this.#due = undefined;
      void this.#watch().catch((error: unknown) => process.stderr.write(`devices cannot follow the host: ${String(error)}\n`));
      for (const id of this.#followed.keys()) void this.#bring(id);
    }, settleMs);
  }

  /** Says once that an instance failed, and goes on trying. */
  async #bring(id: string): Promise<void> {
    try {
      await this.refresh(id);
      this.#failed.delete(id);
    } catch (error) {
      if (!this.#followed.has(id)) return;
      if (!this.#failed.has(id)) process.stderr.write(`devices of instance ${id} could not follow the host: ${String(error)}\n`);
      this.#failed.add(id);
      this.#again ??= setTimeout(() => this.#tryAgain(), againMs).unref();
    }
  }

  #tryAgain(): void {
    this.#again = undefined;
    for (const id of this.#failed) {
      if (this.#followed.has(id)) void this.#bring(id);
      else this.#failed.delete(id);
    }
  }
}
