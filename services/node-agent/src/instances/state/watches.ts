import type { GuestLink, GuestNetwork } from '../../host/guest-network.js';
import type { Host } from '../../host/host.js';
import { instanceCgroup } from '../instance-layout.js';
import { openCounters, type CgroupCounters, type CgroupReading } from './cgroup-reading.js';

/** Each holds some ten descriptors. */
const watchesAtMost = 100;

interface Watch {
  pid: number;
  counters: CgroupCounters;
  /** Undefined where the instance is ending. */
  network: GuestNetwork | undefined;
}

export type Sight = CgroupReading & { links: GuestLink[] | undefined };

/**
 * What tells of running instances, held open for those that were looked at last: to open it takes five times as long as to read it.
 * One that ended must be forgotten, since its network lives on until then.
 */
export class Watches {
  /** The one looked at longest ago comes first. */
  readonly #watches = new Map<string, Watch>();

  constructor(private readonly host: Host) {}

  async look(id: string, pid: number): Promise<Sight> {
    const known = this.#known(id, pid);
    if (known) return sight(known);
    const counters = await openCounters(this.host.cgroups, `/${instanceCgroup(id)}/payload`);
    // From here on without a pause: nobody forgets what is being read.
    this.forget(id);
    for (const [oldest] of this.#watches) if (this.#watches.size >= watchesAtMost) this.forget(oldest);
    const opened = { pid, counters, network: this.#network(pid) };
    this.#watches.set(id, opened);
    return sight(opened);
  }

  forget(id: string): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#watches.delete(id);
    watch.counters.close();
    watch.network?.close();
  }

  close(): void {
    for (const id of [...this.#watches.keys()]) this.forget(id);
  }

  #known(id: string, pid: number): Watch | undefined {
    const watch = this.#watches.get(id);
    if (watch?.pid !== pid) return undefined;
    this.#watches.delete(id);
    this.#watches.set(id, watch);
    return watch;
  }

  #network(pid: number): GuestNetwork | undefined {
    try {
      return this.host.guests.network(pid);
    } catch {
      return undefined;
    }
  }
}

function sight({ counters, network }: Watch): Sight {
  return { ...counters.read(), links: links(network) };
}

/** A guest may take a link away while it is being looked at. */
function links(network: GuestNetwork | undefined): GuestLink[] | undefined {
  try {
    return network?.links();
  } catch {
    return undefined;
  }
}
