import { chmod, open as openDirectory, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { peerUid } from './syscalls.js';

/** A socket that is listened on. */
export interface Listening {
  /** Ends it with its connections and removes its path. */
  close(): Promise<void>;
}

export interface UnixSockets {
  /** Replaces a socket that an earlier life left at the path; `peer` is the user at the other end, as the host's kernel says it. */
  listen(path: string, mode: number, connected: (socket: Socket, peer: { uid: number }) => void): Promise<Listening>;
}

const longestPath = 107;
/** Of each socket: who connects must not use up what the agent may open. */
const mostConnections = 128;

export const hostUnixSockets: UnixSockets = {
  async listen(path, mode, connected) {
    await rm(path, { force: true });
    // The path of a socket may have 107 bytes, that of a state directory more: a long one is reached through its open directory.
    const directory = Buffer.byteLength(path) > longestPath ? await openDirectory(dirname(path)) : undefined;
    const reached = directory === undefined ? path : `/proc/self/fd/${directory.fd}/${basename(path)}`;
    const open = new Set<Socket>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => open.delete(socket));
      const uid = uidOf(socket);
      if (uid === undefined) socket.destroy();
      else connected(socket, { uid });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(reached, resolve);
    });
    server.on('error', () => undefined);
    server.maxConnections = mostConnections;
    await chmod(path, mode);
    server.unref();
    return {
      async close() {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        for (const socket of open) socket.destroy();
        await closed;
        await directory?.close();
        await rm(path, { force: true });
      },
    };
  },
};

/** Undefined where the connection is gone already. */
function uidOf(socket: Socket): number | undefined {
  const { fd } = (socket as Socket & { _handle?: { fd?: number } })._handle ?? {};
  return fd === undefined || fd < 0 ? undefined : peerUid(fd);
}
