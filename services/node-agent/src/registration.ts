import { hostname } from 'node:os';
import { EventBusToken, event, type EventBus } from '@asterism/events';
import { isKind } from '@asterism/errors';
import { Token, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { RuntimeInfo, waitingFor } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { HostHandler } from './resources/host.handler.js';
import { machineArchitecture } from './resources/cpu.js';

const renewMs = 10_000;

/** Tells the cluster service who and where this member is, and the others that it is there. */
@Injectable()
export class Registration {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(HostHandler) private readonly facts: HostHandler,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  async start(): Promise<void> {
    await waitingFor('the cluster service', () => this.#register(), (error) => isKind(error, 'unavailable') || isKind(error, 'timeout'));
    await this.bus.publish(event('agent.ready', { member: this.runtime.environment.member }));
    this.#timer = setInterval(() => void this.#register().catch(() => undefined), renewMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #register(): Promise<void> {
    const call = systemCall({ timeoutMs: 10_000 });
    const { json } = await this.facts.environment(call, {});
    const { member, advertise } = this.runtime.environment;
    const address = this.runtime.composition === 'standalone' ? '' : advertise.replace(/^0\.0\.0\.0:/, `${hostname()}:`);
    const { name } = await this.cluster.register(call, { name: member, address, architecture: machineArchitecture(), environment: json });
    this.runtime.environment.member = name;
  }
}
