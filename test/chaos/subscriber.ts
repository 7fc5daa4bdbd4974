import { setTimeout as sleep } from 'node:timers/promises';
import { listen, newest, type Event, type Listening } from '../api/listening.js';
import type { UnixClient } from '../http/client.js';
import type { TestServer } from '../servers/server.js';

/** Follows the journal from a cursor, is cut off at random and goes on from what it has seen. */
export class Subscriber {
  readonly seen: Event[] = [];
  cuts = 0;
  #stopped = false;
  #current: Listening | undefined;
  readonly #done: Promise<void>;

  constructor(
    private readonly server: TestServer,
    readonly since: number,
    random: () => number,
  ) {
    this.#done = this.#follow(random);
  }

  /** Returns when everything up to now was seen, or cannot be any more. */
  async stop(): Promise<void> {
    const last = await newest(this.server.client);
    for (let waited = 0; waited < 20_000 && (this.seen.at(-1)?.cursor ?? this.since) < last; waited += 50) await sleep(50);
    this.#stopped = true;
    this.#current?.close();
    await this.#done;
  }

  async #follow(random: () => number): Promise<void> {
    while (!this.#stopped) {
      const listening = listen(this.server, `all-projects=true&since=${this.seen.at(-1)?.cursor ?? this.since}`);
      this.#current = listening;
      const opened = await listening.open.then(() => true, () => false);
      if (opened) await Promise.race([listening.closed, sleep(random() * 1_500)]);
      listening.close();
      await Promise.race([listening.closed, sleep(1_000)]);
      this.seen.push(...listening.events);
      this.cuts++;
      if (!opened) await sleep(100);
    }
  }
}

/** What is kept after a cursor, page by page. */
export async function journalSince(client: UnixClient, since: number): Promise<Event[]> {
  const events: Event[] = [];
  for (let from = since; ; from = events.at(-1)!.cursor) {
    const page = await client.get<Event[]>(`/1.0/events?all-projects=true&since=${from}`);
    if (page.length === 0) return events;
    events.push(...page);
  }
}

/** What of the journal was missed, came twice, out of order or otherwise than it is kept. */
export function misheard(seen: readonly Event[], journal: readonly Event[]): string[] {
  const known = new Map(journal.map((event) => [event.cursor, JSON.stringify(event)]));
  const heard = new Set(seen.map(({ cursor }) => cursor));
  return [
    ...journal.filter(({ cursor }) => !heard.has(cursor)).map(({ cursor }) => `missed ${cursor}`),
    ...seen.flatMap((event, index) => (index > 0 && event.cursor <= seen[index - 1]!.cursor ? [`${event.cursor} came after ${seen[index - 1]!.cursor}`] : [])),
    ...seen.flatMap((event) => (known.get(event.cursor) === JSON.stringify(event) ? [] : [`${event.cursor} was told as ${JSON.stringify(event)}, is kept as ${known.get(event.cursor)}`])),
  ];
}
