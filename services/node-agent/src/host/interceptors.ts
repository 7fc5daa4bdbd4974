import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LxdError } from '@asterism/errors';
import { Companion } from './companion.js';
import { descriptorOf, listenForMessages } from './interceptor/seqpacket.js';

/** System calls of guests are handled by a process that outlives the agent: one for all of a directory, started with the first. */
export interface Interceptors {
  /** Makes sure that it runs, with the policies that lie there; answers where monitors of containers reach it. */
  run(directory: string, policies: string): Promise<string>;
  /** Told when the process ended. */
  onLost(directory: string, lost: () => void): void;
}

interface Interceptor {
  companion: Companion;
  /** The socket of the monitors, which is open as long as one of us lives. */
  listener?: number;
}

const main = fileURLToPath(new URL(`./interceptor/main${import.meta.url.slice(-3)}`, import.meta.url));

const interceptors = new Map<string, Interceptor>();
const losers = new Map<string, () => void>();

export const hostInterceptors: Interceptors = {
  async run(directory, policies) {
    const monitors = `${directory}/seccomp.sock`;
    const interceptor = interceptors.get(directory) ?? { companion: companionIn(directory, policies) };
    interceptors.set(directory, interceptor);
    const { companion } = interceptor;
    const watch = (): Promise<boolean> => companion.watch(() => losers.get(directory)?.());
    if (await watch()) interceptor.listener ??= await listenerOf(companion);
    else {
      interceptor.listener ??= listenAnew(monitors);
      await companion.start(interceptor.listener);
      if (!(await watch())) throw new LxdError('internal', 'The interceptor of system calls ended');
    }
    return monitors;
  },
  onLost: (directory, lost) => void losers.set(directory, lost),
};

function companionIn(directory: string, policies: string): Companion {
  const [socket, logFile] = [`${directory}/interceptor.sock`, `${directory}/interceptor.log`];
  return new Companion({ words: 'interceptor of system calls', main, socket, arguments: [policies], logFile, cgroup: '/asterism/interceptor' });
}

function listenAnew(path: string): number {
  rmSync(path, { force: true });
  return listenForMessages(path);
}

/** Of one that an earlier agent started. */
async function listenerOf(companion: Companion): Promise<number> {
  const socket = await companion.connect();
  try {
    for await (const pid of createInterface({ input: socket! })) return descriptorOf(Number(pid), 0);
    throw new LxdError('internal', 'The interceptor of system calls ended');
  } finally {
    socket?.destroy();
  }
}
