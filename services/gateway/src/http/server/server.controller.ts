import { document, updateServerBody } from '@asterism/api';
import { EventBusToken, type EventBus } from '@asterism/events';
import { common, Token, type Cluster, type Projects } from '@asterism/proto';
import { RuntimeInfo } from '@asterism/service';
import { Controller, Get, Inject, Patch, Put, Req } from '@nestjs/common';
import { Listeners } from '../../listeners/listeners.js';
import { ServerCertificate } from '../../listeners/server-certificate.js';
import { changed, sync, type Answer } from '../answer.js';
import { bodyOf, callOf, ifMatchOf, memberOf, projectOf, query, type ApiRequest } from '../request.js';
import { configText } from './server-config.js';
import { serverDocument, type ServerFacts } from './server-document.js';

/** GET /1.0 is what every client asks first and most often, so its answer is kept until the configuration changes or this long. */
const keptMs = 5_000;

@Controller('1.0')
export class ServerController {
  readonly #kept = new Map<string, { answer: Answer; until: number }>();

  constructor(
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(Token.Projects) private readonly projects: Projects,
    @Inject(EventBusToken) private readonly bus: EventBus,
    @Inject(Listeners) private readonly listeners: Listeners,
    @Inject(ServerCertificate) private readonly certificate: ServerCertificate,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {}

  async start(): Promise<void> {
    await this.bus.subscribe(['config.changed', 'agent.ready', 'members.changed', 'lifecycle'], (event) => {
      if (event.kind !== 'lifecycle' || /^(?:storage-pool|network|project)-/.test(event.payload.action)) this.#kept.clear();
    });
  }

  @Get()
  get(@Req() request: ApiRequest): Answer | Promise<Answer> {
    const { trusted, admin } = request.identity;
    const key = `${trusted}${admin} ${query(request, 'project')} ${query(request, 'target')}`;
    const kept = this.#kept.get(key);
    return kept && kept.until > performance.now() ? kept.answer : this.#render(request, key);
  }

  @Put()
  async replace(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.REPLACE);
  }

  @Patch()
  async patch(@Req() request: ApiRequest): Promise<Answer> {
    return this.#update(request, common.UpdateMode.MERGE);
  }

  async #render(request: ApiRequest, key: string): Promise<Answer> {
    const call = callOf(request);
    const project = projectOf(request);
    if (request.identity.trusted && project !== 'default') await this.projects.get(call, { name: project });
    const { json, etag } = await this.cluster.getServer(call, { target: memberOf(request, this.runtime) });
    const facts = JSON.parse(json.toString()) as ServerFacts;
    const shown = serverDocument(request.identity, facts, {
      certificate: this.certificate.pem,
      fingerprint: this.certificate.fingerprint,
      project,
    });
    const answer = sync({ ...document(shown), etag: request.identity.trusted ? etag : '' });
    if (this.#kept.size > 100) this.#kept.clear();
    this.#kept.set(key, { answer, until: performance.now() + keptMs });
    return answer;
  }

  async #update(request: ApiRequest, mode: common.UpdateMode): Promise<Answer> {
    const { config } = await bodyOf(request, updateServerBody);
    await this.cluster.updateServer(callOf(request), { config: configText(config), mode, if_match: ifMatchOf(request), target: memberOf(request, this.runtime) });
    this.#kept.clear();
    // The answer says that the listeners are as the configuration wants them.
    await this.listeners.follow();
    return changed();
  }
}
