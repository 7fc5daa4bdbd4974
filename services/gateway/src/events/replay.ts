import { isKind } from '@asterism/errors';
import type { operations } from '@asterism/proto';
import type { WebSocket } from 'ws';

/** Codes of RFC 6455 and its registry, as a client sees them. */
export const closing = { goingAway: 1001, policy: 1008, failed: 1011, tryAgainLater: 1013 } as const;

const holdBytes = 1024 * 1024;
/** A reader that takes nothing for so long is not one. */
const stalledMs = 60_000;

/** Passes the entries of the journal to a client at its pace. When it ends, the client is told why and from where it can go on. */
export async function replay(socket: WebSocket, entries: AsyncIterable<operations.JournalEntry>, since: number): Promise<void> {
  let cursor = since;
  try {
    for await (const entry of entries) {
      const state = await delivered(socket, entry.json.toString());
      if (state === 'gone') return;
      if (state === 'stalled') return socket.close(closing.tryAgainLater, `Reading too slowly; resume with since=${cursor}`);
      cursor = entry.cursor;
    }
    socket.close(closing.goingAway, `Resume with since=${cursor}`);
  } catch (error) {
    if (isKind(error, 'gone')) socket.close(closing.policy, `Events after cursor ${cursor} are gone`);
    else socket.close(closing.failed, `Resume with since=${cursor}`);
  }
}


async function delivered(socket: WebSocket, json: string): Promise<'yes' | 'gone' | 'stalled'> {
  if (socket.readyState !== socket.OPEN) return 'gone';
  if (socket.bufferedAmount < holdBytes) {
    socket.send(json);
    return 'yes';
  }
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('stalled'), stalledMs);
    socket.send(json, (error) => {
      clearTimeout(timer);
      resolve(error ? 'gone' : 'yes');
    });
  });
}
