import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LxdError } from '@asterism/errors';
import type { ForwarderAnswer, ForwarderRequest, Proxy } from './forwarder/proxy.js';
import { hostProcesses } from './processes.js';

/** Proxies run by a process that outlives the agent: one for all of a state directory, started with the first. */
export interface Forwarders {
  /** Opens a proxy, or replaces it; throws in the reference's words. */
  open(directory: string, proxy: Proxy): Promise<void>;
  /** One that is gone already is fine. */
  close(directory: string, key: string): Promise<void>;
  /** Told when the process ended, and all its proxies with it. */
  onLost(directory: string, lost: () => void): void;
}

const main = fileURLToPath(new URL(`./forwarder/main${import.meta.url.slice(-3)}`, import.meta.url));
const startWithinMs = 10_000;
/** A small heap: it holds nothing but what is on its way. */
const nodeOptions = ['--max-semi-space-size=1', '--max-old-space-size=256', '--disable-warning=ExperimentalWarning'];

const starting = new Map<string, Promise<void>>();
const losers = new Map<string, () => void>();
const watched = new Map<string, Socket>();

export const hostForwarders: Forwarders = {
  async open(directory, proxy) {
    const answer = (await ask(directory, { open: proxy })) ?? (await started(directory).then(() => ask(directory, { open: proxy })));
    if (!answer) throw new LxdError('internal', 'The forwarder of proxy devices ended');
    void watch(directory);
    if (answer.error !== undefined) throw new LxdError('internal', `Error occurred when starting proxy device: Error: ${answer.error}`);
  },
  async close(directory, key) {
    await ask(directory, { close: key });
  },
  onLost: (directory, lost) => void losers.set(directory, lost),
};

/** A connection that is only there to end with the process. */
async function watch(directory: string): Promise<void> {
  if (watched.has(directory)) return;
  const socket = await connected(socketOf(directory));
  if (!socket || watched.has(directory)) return void socket?.destroy();
  watched.set(directory, socket);
  socket.resume().unref();
  socket.once('close', () => {
    watched.delete(directory);
    losers.get(directory)?.();
  });
}

function socketOf(directory: string): string {
  return `${directory}/forwarder.sock`;
}

/** Undefined where nobody listens. */
async function ask(directory: string, request: ForwarderRequest): Promise<ForwarderAnswer | undefined> {
  const socket = await connected(socketOf(directory));
  if (!socket) return undefined;
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) return JSON.parse(line) as ForwarderAnswer;
    return undefined;
  } finally {
    socket.destroy();
  }
}

function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(socket));
    socket.on('error', () => resolve(undefined));
  });
}

/** One at a time: whoever comes second finds the first one's. */
function started(directory: string): Promise<void> {
  const mine = starting.get(directory) ?? start(directory).finally(() => starting.delete(directory));
  starting.set(directory, mine);
  return mine;
}

async function start(directory: string): Promise<void> {
  const argv = [process.execPath, ...nodeOptions, main, socketOf(directory)] as const;
  const handle = await hostProcesses.start(argv, { logFile: `${directory}/forwarder.log`, cgroup: '/asterism/forwarder' });
  for (const deadline = Date.now() + startWithinMs; Date.now() < deadline && hostProcesses.isAlive(handle); ) {
    const socket = await connected(socketOf(directory));
    socket?.destroy();
    if (socket) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new LxdError('internal', 'The forwarder of proxy devices does not start');
}
