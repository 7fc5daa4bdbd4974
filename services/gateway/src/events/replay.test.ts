import { LxdError } from '@asterism/errors';
import type { operations } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { replay } from './replay.js';

const entry = (cursor: number): operations.JournalEntry => ({ cursor, type: 'lifecycle', project: 'default', json: Buffer.from(`{"cursor":${cursor}}`) });

async function* journal(cursors: number[], end?: Error): AsyncIterable<operations.JournalEntry> {
  for (const cursor of cursors) yield entry(cursor);
  if (end) throw end;
}

/** A socket whose other side reads at once, or never. */
function socket(bufferedAmount = 0) {
  const sent: string[] = [];
  const closed: [number, string][] = [];
  const fake = { OPEN: 1, readyState: 1, bufferedAmount, send: (json: string, done?: (error?: Error) => void) => (sent.push(json), done?.()), close: (code: number, reason: string) => closed.push([code, reason]) };
  return { fake: fake as unknown as WebSocket, sent, closed };
}

describe('a replay', () => {
  it('passes entries in order and says where to go on when the server ends it', async () => {
    const { fake, sent, closed } = socket();
    await replay(fake, journal([4, 5]), 3);
    expect(sent).toEqual(['{"cursor":4}', '{"cursor":5}']);
    expect(closed).toEqual([[1001, 'Resume with since=5']]);
  });

  it('says that what comes next is gone', async () => {
    const { fake, closed } = socket();
    await replay(fake, journal([4], new LxdError('gone', 'gone')), 3);
    expect(closed).toEqual([[1008, 'Events after cursor 4 are gone']]);
  });

  it('says from where to go on after a fault', async () => {
    const { fake, closed } = socket();
    await replay(fake, journal([], new LxdError('unavailable', 'away')), 3);
    expect(closed).toEqual([[1011, 'Resume with since=3']]);
  });

  it('waits for a reader that is behind', async () => {
    const { fake, sent } = socket(2 * 1024 * 1024);
    await replay(fake, journal([1, 2, 3]), 0);
    expect(sent).toHaveLength(3);
  });
});
