import type { agentInstances } from '@asterism/proto';
import type { WebSocket } from 'ws';
import type { SessionTicket } from './session-tickets.js';

type Attach = (frames: AsyncIterable<agentInstances.SessionFrame>) => AsyncIterable<agentInstances.SessionFrame>;

const pauseAboveBytes = 1024 * 1024;

/**
 * Joins a client's socket with one stream of a session, at the pace of the slower side. As LXD does: binary messages are data, an empty
 * text message ends a direction, and messages of "control" go through whole.
 */
export async function joinSession(socket: WebSocket, ticket: SessionTicket, attach: Attach): Promise<void> {
  let ended = false;
  const messages = messagesOf(socket);
  const end = (): void => {
    if (!ended && socket.readyState === socket.OPEN) socket.send('');
    ended = true;
  };
  try {
    for await (const { data, end: last } of attach(framesOf(messages, ticket))) {
      if (data.length > 0 && !(await sent(socket, data))) break;
      if (last) end();
    }
    if (ticket.fd !== 'control') end();
    socket.close(1000);
  } catch {
    // The session ended badly; the operation says why.
    socket.close(1011);
  }
}

/** False once the client is gone. */
function sent(socket: WebSocket, data: Uint8Array): Promise<boolean> | boolean {
  if (socket.readyState !== socket.OPEN) return false;
  if (socket.bufferedAmount < pauseAboveBytes) {
    socket.send(data, { binary: true });
    return true;
  }
  return new Promise((resolve) => socket.send(data, { binary: true }, (error) => resolve(!error)));
}

async function* framesOf(messages: AsyncIterable<Message>, { session, fd }: SessionTicket): AsyncIterable<agentInstances.SessionFrame> {
  const frame = (data: Buffer, end: boolean): agentInstances.SessionFrame => ({ session_id: session, fd, data, end });
  yield frame(Buffer.alloc(0), false);
  for await (const message of messages) {
    if (message.isBinary || fd === 'control') {
      if (message.data.length > 0) yield frame(message.data, false);
    } else {
      yield frame(Buffer.alloc(0), true);
    }
  }
}

interface Message {
  data: Buffer;
  isBinary: boolean;
}

/** Messages until the socket closes, kept from now on; reading stops while too many bytes wait. */
function messagesOf(socket: WebSocket): AsyncIterable<Message> {
  const waiting: Message[] = [];
  let waitingBytes = 0;
  let closed = socket.readyState !== socket.OPEN;
  let wake = (): void => {};
  socket.on('message', (data: Buffer, isBinary) => {
    waiting.push({ data, isBinary });
    waitingBytes += data.length;
    if (waitingBytes > pauseAboveBytes) socket.pause();
    wake();
  });
  socket.once('close', () => {
    closed = true;
    wake();
  });
  async function* taken(): AsyncIterable<Message> {
    for (;;) {
      const message = waiting.shift();
      if (message) {
        waitingBytes -= message.data.length;
        if (socket.isPaused && waitingBytes < pauseAboveBytes) socket.resume();
        yield message;
      } else if (closed) {
        return;
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  }
  return taken();
}
