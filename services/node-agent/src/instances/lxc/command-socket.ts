import { connect, type Socket } from 'node:net';
import { LxdError } from '@asterism/errors';

// LXC's monitor answers on an abstract socket. A request is {int command, int length, void *} and an answer {int result, int length, void *},
// in the host's own byte order and with 64-bit pointers, each followed by `length` bytes. Source: lxc 5.0 src/lxc/commands.c.
const GET_INIT_PID = 4;
const HEADER_BYTES = 16;
const ANSWER_TIMEOUT_MS = 5_000;

/** A connection to the monitor of a running container; when it closes, the container has ended or reboots. */
export class CommandSocket {
  readonly closed: Promise<void>;

  private constructor(
    private readonly path: string,
    private readonly socket: Socket,
  ) {
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.resume();
    socket.unref();
  }

  /** Throws when nobody listens: no container of this name runs there. */
  static async open(lxcPath: string, name: string): Promise<CommandSocket> {
    const path = `\0${lxcPath}/${name}/command`;
    return new CommandSocket(path, await connected(path));
  }

  /** The container's first process as the host sees it; undefined while it has none. */
  async initPid(): Promise<number | undefined> {
    const answer = await ask(this.path, GET_INIT_PID);
    // The pid travels in the place of the pointer.
    const pid = answer.readInt32LE(8);
    return pid > 0 ? pid : undefined;
  }

  end(): void {
    this.socket.destroy();
  }
}

async function connected(path: string): Promise<Socket> {
  const socket = connect({ path });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

/** Over a connection of its own: the monitor closes it after the answer. */
async function ask(path: string, command: number): Promise<Buffer> {
  const socket = await connected(path);
  const request = Buffer.alloc(HEADER_BYTES);
  request.writeInt32LE(command, 0);
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new LxdError('timeout', 'The monitor of the container does not answer')));
  socket.write(request);
  let received = Buffer.alloc(0);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      if (received.length >= HEADER_BYTES) return received;
    }
  } finally {
    socket.destroy();
  }
  throw new LxdError('unavailable', 'The container ended');
}
