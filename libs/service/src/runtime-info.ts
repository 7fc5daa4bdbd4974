import type { Environment } from './environment.js';
import type { Membership } from './membership.js';

/** Injectable facts of the process: its environment and how it is composed. */
export class RuntimeInfo {
  constructor(
    readonly environment: Environment,
    /** "member": a host whose control plane is another's. */
    readonly composition: 'standalone' | 'processes' | 'member',
    /** Gives up this host's own control plane for that of a cluster, once it has started as a whole; `clear` then takes away what is the host's own. Only a standalone can. */
    readonly become?: (membership: Membership, clear: () => Promise<void>) => Promise<void>,
  ) {}
}
