import { serverKeys } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { Token, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { ImageTasks } from './image-tasks.js';
import { listExpired } from './image.store.js';
import { ImageSecrets } from './secrets.js';

const everyMs = 3600_000;

/** Once an hour: cached images that nobody uses go, and secrets whose time is over. */
@Injectable()
export class Housekeeping {
  #timer: NodeJS.Timeout | undefined;

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
    const { name, defaultValue } = serverKeys.imagesRemoteCacheExpiry;
    for (const image of await listExpired(this.database, Number(config[name] ?? defaultValue))) await this.tasks.expire(call, image);
  }
}
