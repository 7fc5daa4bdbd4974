import { Agents } from '@asterism/agents';
import { serverKeys, valueOf } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import { EventBusToken, type EventBus, type Subscription } from '@asterism/events';
import { Token, type Cluster, type ImageReplicas, type images } from '@asterism/proto';
import { systemCall, type CallContext } from '@asterism/rpc';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { ImageFiles } from './image-files.js';
import { missingCopies } from './missing-copies.js';

/** In a cluster each image lies on as many members as cluster.images_minimal_replica says, so that none is lost with one member. */
@Injectable()
export class Replication implements ImageReplicas {
  readonly #logger = new Logger('images');
  #subscription: Subscription | undefined;
  #running: Promise<void> = Promise.resolve();
  #isWaiting = false;

  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Database) private readonly database: Database,
    @Inject(ImageFiles) private readonly files: ImageFiles,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  async start(): Promise<void> {
    this.#subscription = await this.bus.subscribe(['lifecycle', 'config.changed', 'members.changed', 'agent.ready'], (event) => {
      if (event.kind === 'lifecycle' && event.payload.action !== 'image-created') return;
      if (event.kind === 'config.changed' && !event.payload.keys.includes(serverKeys.clusterImagesMinimalReplica.name)) return;
      this.#soon();
    });
  }

  async stop(): Promise<void> {
    await this.#subscription?.close();
    await this.#running;
  }

  /** A single replica is nobody's to take over: the member has it until it is deleted. */
  async onlyOn(_call: CallContext, { member }: images.MemberImages): Promise<images.ImageFingerprints> {
    if ((await this.#wanted()) !== 1) await this.#replicate(member);
    const rows = await this.database.query<{ fingerprint: string }>('SELECT fingerprint FROM images.locations GROUP BY fingerprint HAVING array_agg(member) = ARRAY[$1::text] ORDER BY fingerprint', [member]);
    return { fingerprints: rows.map(({ fingerprint }) => fingerprint) };
  }

  /** One look at all images after the other; what happens during one is seen by the next. */
  #soon(): void {
    if (this.#isWaiting || !this.agents.isClustered) return;
    this.#isWaiting = true;
    this.#running = this.#running.then(() => {
      this.#isWaiting = false;
      return this.#replicate().catch((error: unknown) => this.#logger.warn(`images are not replicated: ${error instanceof Error ? error.message : String(error)}`));
    });
  }

  async #wanted(): Promise<number> {
    const { config } = await this.cluster.config(systemCall(), {});
    return Number(valueOf(config, serverKeys.clusterImagesMinimalReplica));
  }

  /** @param leaving Does not count. */
  async #replicate(leaving = ''): Promise<void> {
    const wanted = await this.#wanted();
    const online = this.agents.online().filter((member) => member !== leaving);
    const located = await this.database.query<{ fingerprint: string; members: string[] }>('SELECT fingerprint, array_agg(member) AS members FROM images.locations GROUP BY fingerprint');
    for (const { fingerprint, members } of located) {
      for (const member of missingCopies({ members, online, wanted })) await this.#copy(fingerprint, member);
    }
  }

  async #copy(fingerprint: string, member: string): Promise<void> {
    await this.files.replicate(systemCall(), member, fingerprint).catch((error: unknown) => this.#logger.warn(`image ${fingerprint} was not copied to ${member}: ${error instanceof Error ? error.message : String(error)}`));
  }
}
