import type { MemberRow } from './member.store.js';

const lookEveryMs = 1_000;
/** A look that comes later than this was held up: by other work, by a machine that stood still, or by a process that was stopped. */
const lateMs = 2 * lookEveryMs;
const rememberedMs = 3_600_000;

/** A span in which nobody could be heard, milliseconds of one clock. */
interface Absence {
  from: number;
  until: number;
}

/** How much of the time this process itself listened: a member is silent only while somebody would have heard it. */
export class Attention {
  #absences: Absence[] = [];
  #lookedAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.#lookedAt = now();
    this.#absences.push({ from: -Infinity, until: this.#lookedAt });
  }

  start(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), lookEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Whoever judges looks first: what held this process up may have ended a moment ago. */
  look(): void {
    const now = this.now();
    if (now - this.#lookedAt > lateMs) this.#away({ from: this.#lookedAt, until: now });
    this.#lookedAt = now;
  }

  /** Writes what members said: nobody was heard while that took long, or where it failed. */
  async during<T>(write: () => Promise<T>): Promise<T> {
    const from = this.now();
    let isWritten = false;
    try {
      const written = await write();
      isWritten = true;
      return written;
    } finally {
      const until = this.now();
      if (!isWritten || until - from > lateMs) this.#away({ from, until });
    }
  }

  /** Of the last `ageS` seconds those in which this process would have heard something. */
  listenedS(ageS: number): number {
    const now = this.now();
    const begin = now - ageS * 1000;
    let missed = 0;
    let counted = begin;
    for (const { from, until } of [...this.#absences].sort((one, other) => one.from - other.from)) {
      const start = Math.max(from, counted);
      if (until <= start) continue;
      missed += until - start;
      counted = until;
    }
    return Math.max(0, ageS - missed / 1000);
  }

  #away(absence: Absence): void {
    const forgotten = absence.until - rememberedMs;
    this.#absences = [...this.#absences.filter(({ until }) => until > forgotten), absence];
  }
}

/** Who was online stays so until it has been silent for long enough to somebody who listened; who was not is heard of first. */
export function isOnline({ age, is_online }: Pick<MemberRow, 'age' | 'is_online'>, offlineAfterS: number, attention: Attention): boolean {
  return age < offlineAfterS || (is_online && attention.listenedS(age) < offlineAfterS);
}
