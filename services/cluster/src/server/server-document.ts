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
  #kept: { answer: Promise<common.Document>; until: number } | undefined;
  #subscription: Subscription | undefined;

  constructor(
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Token.StoragePools) private readonly pools: StoragePools,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  async follow(): Promise<void> {
    this.#subscription = await this.bus.subscribe(['config.changed', 'agent.ready', 'lifecycle'], (event) => {
      if (event.kind !== 'lifecycle' || event.payload.action.startsWith('storage-pool-') || event.payload.action.startsWith('network-')) this.forget();
    });
  }

  forget(): void {
    this.#kept = undefined;
  }

  get(): Promise<common.Document> {
    if (this.#kept && this.#kept.until > Date.now()) return this.#kept.answer;
    const answer = this.#render();
    this.#kept = { answer, until: Date.now() + maxAgeMs };
    answer.catch(() => this.forget());
    return answer;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#subscription?.close();
  }

  async #render(): Promise<common.Document> {
    const [config, host, drivers] = await Promise.all([this.config.load(), this.#host(), this.#driversInUse()]);
    const shown = renderConfig(config);
    return document({ config: shown, environment: serverEnvironment(host, config, drivers) }, shown);
  }

  /** Asked from the agent, for addresses come and go; what it said last where it does not answer. */
  async #host(): Promise<HostEnvironment> {
    const [name] = this.agents.members();
    const answer = name === undefined ? undefined : await this.agents.on(name).host.environment(systemCall({ timeoutMs: 2_000 }), {}).catch(() => undefined);
    if (answer) return JSON.parse(answer.json.toString()) as HostEnvironment;
    return (await this.members.list())[0]?.environment ?? nothingKnown;
  }

  async #driversInUse(): Promise<string[]> {
    const request: common.ListRequest = { project: 'default', all_projects: false, recursion: 1, filter: '', visible_projects: [] };
    const answer = await this.pools.list(systemCall({ timeoutMs: 2_000 }), request).catch(() => undefined);
    return answer ? (JSON.parse(answer.json.toString()) as { driver: string }[]).map((pool) => pool.driver) : [];
  }
}
