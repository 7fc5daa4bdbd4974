import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Agents } from '@asterism/agents';
import { document } from '@asterism/api';
import { EventBusToken, type EventBus, type Subscription } from '@asterism/events';
import { Token, type common, type StoragePools } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { renderConfig } from '../config/server-config.js';
import { ConfigStore } from '../config/config.store.js';
import { MemberStore } from '../members/member.store.js';
import { serverEnvironment, type HostEnvironment } from './server-environment.js';

/** Another replica's change is seen at the latest after this time, even without its event. */
const maxAgeMs = 5_000;

const nothingKnown: HostEnvironment = {
  addresses: [],
  architectures: [],
  driver: '',
  driver_version: '',
  firewall: '',
  kernel: '',
  kernel_architecture: '',
  kernel_features: {},
  kernel_version: '',
  lxc_features: {},
  os_name: '',
  os_version: '',
  storage_supported_drivers: [],
};

/** The trusted part of GET /1.0, kept rendered: every client asks for it first. */
@Injectable()
export class ServerDocument implements OnApplicationShutdown {
  readonly #kept = new Map<string, { answer: Promise<common.Document>; until: number }>();
  #subscription: Subscription | undefined;

  constructor(
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  async follow(): Promise<void> {
    this.#subscription = await this.bus.subscribe(['config.changed', 'agent.ready', 'members.changed', 'lifecycle'], (event) => {
      if (event.kind !== 'lifecycle' || event.payload.action.startsWith('storage-pool-') || event.payload.action.startsWith('network-')) this.forget();
    });
  }

  forget(): void {
    this.#kept.clear();
  }

  /** As the member has it. */
  get(member: string): Promise<common.Document> {
    const kept = this.#kept.get(member);
    if (kept && kept.until > performance.now()) return kept.answer;
    const answer = this.#render(member);
    this.#kept.set(member, { answer, until: performance.now() + maxAgeMs });
    answer.catch(() => this.forget());
    return answer;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#subscription?.close();
  }

  async #render(member: string): Promise<common.Document> {
    const clusterName = this.agents.isClustered ? member : undefined;
    const [config, host, drivers] = await Promise.all([this.config.load(clusterName), this.#host(member), this.#driversInUse()]);
    const shown = renderConfig(config);
    return document({ config: shown, environment: serverEnvironment(host, { config, clusterName }, drivers) }, shown);
  }

  /** Asked from the agent, for addresses come and go; what it said last where it does not answer. */
  async #host(name: string): Promise<HostEnvironment> {
    const isThere = this.agents.online().includes(name);
    const answer = !isThere ? undefined : await this.agents.on(name).host.environment(systemCall({ timeoutMs: 2_000 }), {}).catch(() => undefined);
    if (answer) return JSON.parse(answer.json.toString()) as HostEnvironment;
    return { ...nothingKnown, ...(await this.members.find(name))?.environment };
  }

  async #driversInUse(): Promise<string[]> {
    const request: common.ListRequest = { project: 'default', all_projects: false, recursion: 1, filter: '', visible_projects: [] };
    const answer = await this.pools.list(systemCall({ timeoutMs: 2_000 }), request).catch(() => undefined);
    return answer ? (JSON.parse(answer.json.toString()) as { driver: string }[]).map((pool) => pool.driver) : [];
  }
}
