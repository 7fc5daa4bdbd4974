import type { EventBus } from '@asterism/events';
import type { operations as proto } from '@asterism/proto';
import type { Journal, JournalEntry } from './journal.js';

interface FollowOptions {
  journal: Journal;
  bus: EventBus;
  request: proto.FollowJournal;
  signal: AbortSignal | undefined;
}

/** Entries that wait in memory for a slow reader; what is more it reads from the journal. */
const maxWaiting = 1_000;
const page = 500;
/** A message that the bus lost is noticed with the next one, or after this. */
const lookAgainMs = 10_000;

/** Replays from the cursor, then follows what is appended: in order, each entry once, at the reader's pace. */
export async function* followJournal({ journal, bus, request, signal }: FollowOptions): AsyncIterable<proto.JournalEntry> {
  const appended = new Appended(signal);
  const subscription = await bus.subscribe(['journal.appended'], ({ payload }) => appended.add(payload.entries));
  try {
    let cursor = await journal.locate(request.since);
    while (!signal?.aborted) {
      for (let entries = await journal.read(cursor, page); entries.length > 0; entries = await journal.read(cursor, page)) {
        for (const entry of entries) {
          cursor = entry.cursor;
          if (isWanted(entry, request)) yield toMessage(entry);
          if (signal?.aborted) return;
        }
      }
      for (let entry = await appended.after(cursor); entry; entry = await appended.after(cursor)) {
        cursor = entry.cursor;
        if (isWanted(entry, request)) yield toMessage(entry);
      }
    }
  } finally {
    await subscription.close();
  }
}

/** What the bus told lately. */
class Appended {
  #waiting: JournalEntry[] = [];
  #wake: () => void = () => undefined;

  constructor(private readonly signal: AbortSignal | undefined) {
    signal?.addEventListener('abort', () => this.#wake(), { once: true });
  }

  add(entries: readonly JournalEntry[]): void {
    if (this.#waiting.length > maxWaiting) this.#waiting = [];
    this.#waiting.push(...entries);
    this.#wake();
  }

  /** The entry that follows the cursor; undefined when the journal has to be asked, or nobody wants to know any more. */
  async after(cursor: number): Promise<JournalEntry | undefined> {
    for (;;) {
      const entry = this.#waiting.shift();
      if (this.signal?.aborted) return undefined;
      if (entry === undefined) {
        if (!(await this.#more())) return undefined;
      } else if (entry.cursor > cursor) {
        if (entry.cursor === cursor + 1) return entry;
        this.#waiting.unshift(entry);
        return undefined;
      }
    }
  }

  async #more(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), lookAgainMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

export function isWanted(entry: JournalEntry, request: proto.FollowJournal): boolean {
  if (request.types.length > 0 && !request.types.includes(entry.type)) return false;
  if (entry.project === '') return request.of_no_project;
  return request.projects.length === 0 || request.projects.includes(entry.project);
}

function toMessage(entry: JournalEntry): proto.JournalEntry {
  return { ...entry, json: Buffer.from(entry.json) };
}
