import type { Informer, ObjectCache, V1Node } from '@kubernetes/client-node';
import { createLogger } from '@asterism/telemetry';
import { nodeFacts, type NodeFacts } from './node-facts.js';

/** Takes what nodes say; called again with all of them whenever one of them changed. */
export type FollowNodes = (nodes: NodeFacts[]) => Promise<void>;

const retryMs = 5_000;
const repeatMs = 30_000;

/** Watches the nodes that carry the agent's label. Its account may list and watch nodes, and nothing else. */
export class NodeWatch {
  readonly #logger = createLogger('nodes');
  #informer: (Informer<V1Node> & ObjectCache<V1Node>) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #following: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    private readonly labelSelector: string,
    private readonly follow: FollowNodes,
  ) {}

  /** In a pod: Kubernetes is found, and spoken to, as its account is told. */
  async start(): Promise<void> {
    const { CoreV1Api, KubeConfig, makeInformer } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    config.loadFromCluster();
    const api = config.makeApiClient(CoreV1Api);
    const { labelSelector } = this;
    const informer = makeInformer<V1Node>(config, '/api/v1/nodes', async () => api.listNode({ labelSelector }), labelSelector);
    informer.on('change', () => this.tell());
    informer.on('delete', () => this.tell());
    informer.on('error', (error: unknown) => this.#again(error));
    this.#informer = informer;
    this.#timer = setInterval(() => this.tell(), repeatMs);
    this.#timer.unref();
    await informer.start().catch((error: unknown) => this.#again(error));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#informer?.stop();
    await this.#following;
  }

  /** Says what is known of all nodes; one time after the other, so that the last word of Kubernetes is the last one written. */
  tell(): void {
    this.#following = this.#following.then(async () => {
      if (this.#stopped || !this.#informer) return;
      await this.follow(this.#informer.list().map(nodeFacts)).catch((error: unknown) => this.#logger.warn({ err: error }, 'what nodes say was not taken'));
    });
  }

  #again(error: unknown): void {
    if (this.#stopped) return;
    this.#logger.warn({ err: error }, 'nodes cannot be watched');
    setTimeout(() => void this.#informer?.start().catch((again: unknown) => this.#again(again)), retryMs).unref();
  }
}
