import { Rounds, RuntimeInfo } from '@asterism/service';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { InstancesHandler } from '../instances/instances.handler.js';
import { NetworksHandler } from '../networks/networks.handler.js';
import { StorageHandler } from '../storage/storage.handler.js';

/**
 * Looks after the host without being asked: what this member knows of pools, networks and instances is mended also while the control plane, which asks
 * for the same in its own rounds and tells of what cannot be mended, is away.
 */
@Injectable()
export class Upkeep {
  readonly #rounds: Rounds;

  constructor(
    @Inject(RuntimeInfo) { environment, composition }: RuntimeInfo,
    @Inject(StorageHandler) storage: StorageHandler,
    @Inject(NetworksHandler) networks: NetworksHandler,
    @Inject(InstancesHandler) instances: InstancesHandler,
  ) {
    // In one process with the control plane its rounds are enough.
    this.#rounds = new Rounds('node-agent', composition === 'standalone' ? 0 : environment.lookAfterSeconds * 2, async () => {
      await storage.lookAfter();
      await networks.lookAfter();
      await instances.lookAfter(systemCall());
    });
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }
}
