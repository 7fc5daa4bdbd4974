import { etag } from './document.js';

/** What a change was planned for is not what is there now. */
class Stale extends Error {
  override readonly name = 'Stale';
}

/** Holds a change, in its transaction and with the row locked, to what it was planned for; compares what their ETags cover. */
export function requireUnchanged(planned: unknown, present: unknown): void {
  if (etag(planned) !== etag(present)) throw new Stale('changed meanwhile');
}

/** Reads, plans and writes again while others change the same thing in between: no change is lost. */
export async function untilUnchanged<T>(change: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
}
