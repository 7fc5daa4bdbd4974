import { LxdError } from '@asterism/errors';
import type { EventBus } from '@asterism/events';
import type { operations as proto } from '@asterism/proto';
import type { Journal, JournalEntry } from './journal.js';

interface FollowOptions {
  journal: Journal;
  bus: EventBus;
  request: proto.FollowJournal;
  signal: AbortSignal | undefined;
}

/** Entries that may wait for a slow reader before it is cut off; it can resume from its last cursor. */
const maxBacklog = 10_000;
const page = 500;

/** Replays from the cursor, then follows what is appended: in order, each entry once. */
export async function* followJournal({ journal, bus, request, signal }: FollowOptions): AsyncIterable<proto.JournalEntry> {
  const backlog: JournalEntry[] = [];
  let wake: () => void = () => undefined;
  const subscription = await bus.subscribe(['journal.appended'], (appended) => {
    backlog.push(...appended.payload.entries);
    wake();
  });
  signal?.addEventListener('abort', () => wake(), { once: true });
  try {
    let cursor = request.since ?? (await journal.latest());
    for (let entries = await journal.read(cursor, page); entries.length > 0; entries = await journal.read(cursor, page)) {
      for (const entry of entries) {
        cursor = entry.cursor;
        if (isWanted(entry, request)) yield toMessage(entry);
      }
    }
    while (!signal?.aborted) {
      if (backlog.length > maxBacklog) throw new LxdError('unavailable', `Reading too slowly; resume from cursor ${cursor}`);
      const entry = backlog.shift();
      if (entry === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else if (entry.cursor > cursor) {
        if (entry.cursor > cursor + 1) yield* gap(journal, cursor, entry.cursor, request);
        cursor = entry.cursor;
        if (isWanted(entry, request)) yield toMessage(entry);
      }
    }
  } finally {
    await subscription.close();
  }
}

/** What a lost message of the bus carried stands in the journal. */
async function* gap(journal: Journal, after: number, before: number, request: proto.FollowJournal): AsyncIterable<proto.JournalEntry> {
  for (const entry of await journal.read(after, before - after - 1)) {
    if (entry.cursor < before && isWanted(entry, request)) yield toMessage(entry);
  }
}

function isWanted(entry: JournalEntry, request: proto.FollowJournal): boolean {
  if (request.types.length > 0 && !request.types.includes(entry.type)) return false;
  return request.all_projects || entry.project === '' || entry.project === (request.project || 'default');
}

function toMessage(entry: JournalEntry): proto.JournalEntry {
  return { ...entry, json: Buffer.from(entry.json) };
}
