import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LxdError } from '@asterism/errors';
import { Companion } from './companion.js';
import type { ForwarderAnswer, ForwarderRequest, Proxy } from './forwarder/proxy.js';

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

const companions = new Map<string, Companion>();
const losers = new Map<string, () => void>();

export const hostForwarders: Forwarders = {
  async open(directory, proxy) {
    const companion = companionOf(directory);
    const answer = (await ask(companion, { open: proxy })) ?? (await companion.start().then(() => ask(companion, { open: proxy })));
    if (!answer) throw new LxdError('internal', 'The forwarder of proxy devices ended');
    void companion.watch(() => losers.get(directory)?.());
    if (answer.error !== undefined) throw new LxdError('internal', `Error occurred when starting proxy device: Error: ${answer.error}`);
  },
  async close(directory, key) {
    await ask(companionOf(directory), { close: key });
  },
  onLost: (directory, lost) => void losers.set(directory, lost),
};

function companionOf(directory: string): Companion {
  const program = { words: 'forwarder of proxy devices', main, socket: `${directory}/forwarder.sock`, logFile: `${directory}/forwarder.log`, cgroup: '/asterism/forwarder' };
  const companion = companions.get(directory) ?? new Companion(program);
  companions.set(directory, companion);
  return companion;
}

/** Undefined where nobody listens. */
async function ask(companion: Companion, request: ForwarderRequest): Promise<ForwarderAnswer | undefined> {
  const socket = await companion.connect();
  if (!socket) return undefined;
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) return JSON.parse(line) as ForwarderAnswer;
    return undefined;
  } finally {
    socket.destroy();
  }
}
