import { serverKeys, valueOf } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { Token, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { ImageTasks } from './image-tasks.js';
import { listAutoUpdated, listExpired } from './image.store.js';
import { ImageSecrets } from './secrets.js';

const everyMs = 3600_000;

/** Once an hour: cached images that nobody uses go, and secrets whose time is over. Every few hours images follow their source. */
@Injectable()
export class Housekeeping {
  #timer: NodeJS.Timeout | undefined;
  #hours = 0;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(ImageTasks) private readonly tasks: ImageTasks,
    @Inject(ImageSecrets) private readonly secrets: ImageSecrets,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.sweep().catch(() => undefined), everyMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async sweep(): Promise<void> {
    const call = systemCall({ timeoutMs: 60_000 });
    await this.secrets.forgetOld();
    const { config } = await this.cluster.config(call, {});
    const days = Number(valueOf(config, serverKeys.imagesRemoteCacheExpiry));
    for (const image of await listExpired(this.database, days)) await this.tasks.expire(call, image);
    const interval = Number(valueOf(config, serverKeys.imagesAutoUpdateInterval));
    this.#hours += 1;
    if (interval <= 0 || this.#hours % interval !== 0) return;
    for (const image of await listAutoUpdated(this.database)) await this.tasks.renew(call, image);
  }
}
