import { LxdError } from '@asterism/errors';
import type { agentNetworks, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import type { Host } from '../host/host.js';
import { Locks } from '../storage/locks.js';
import { applyBridgeLink, isBridgeAsWished } from './bridge-link.js';
import { bridgeWish } from './bridge-wish.js';
import { Dnsmasq } from './dnsmasq.js';
import { applyFirewall, firewallTables, hasFirewall, removeFirewall } from './firewall-rules.js';
import { parseLeases } from './leases.js';
import { hostLinkType, linkState } from './link-state.js';
import { isLinkName, linkName } from './links.js';
import { usedSubnets } from './used-subnets.js';

const nothing: common.Empty = {};
const document = (value: unknown): common.Document => ({ json: Buffer.from(JSON.stringify(value)), etag: '' });

/** AgentNetworks: the managed bridges of this member. Calls for one network run one after the other and may be repeated. */
export class NetworksHandler implements Service<typeof agentNetworks.AgentNetworksDefinition> {
  readonly #locks = new Locks();
  #mended: (network: string) => Promise<void> = async () => undefined;

  constructor(
    private readonly host: Host,
    private readonly stateDir: string,
  ) {}

  /** Brings up what this member had before, without the control plane; answers what could not be. */
  async start(): Promise<{ network: string; error: unknown }[]> {
    const names = await this.host.files.readdir(`${this.stateDir}/networks`).catch(() => []);
    const failed: { network: string; error: unknown }[] = [];
    for (const network of names) {
      const spec = await this.host.files.readText(this.specFile(network)).catch(() => undefined);
      if (spec === undefined) continue;
      await this.#locks.run(network, () => this.bringUp(JSON.parse(spec) as agentNetworks.BridgeSpec)).catch((error: unknown) => failed.push({ network, error }));
    }
    return failed;
  }

  apply(_call: CallContext, spec: agentNetworks.BridgeSpec): Promise<common.Empty> {
    return this.#locks.run(linkName(spec.name), async () => {
      const isNew = !(await this.host.files.exists(this.specFile(spec.name)));
      if (isNew && (await this.host.links.exists(spec.name))) throw new LxdError('internal', `Network interface "${spec.name}" already exists`);
      try {
        await this.host.files.mkdir(this.directory(spec.name));
        await this.host.files.write(this.specFile(spec.name), JSON.stringify(spec));
        await this.bringUp(spec);
      } catch (error) {
        if (isNew) await this.tearDown(spec.name);
        throw error;
      }
      return nothing;
    });
  }

  remove(_call: CallContext, spec: agentNetworks.BridgeSpec): Promise<common.Empty> {
    return this.#locks.run(linkName(spec.name), async () => {
      if (await this.host.files.exists(this.directory(spec.name))) await this.tearDown(spec.name);
      return nothing;
    });
  }

  async state(_call: CallContext, { name }: agentNetworks.NetworkName): Promise<common.Document> {
    const state = isLinkName(name) ? await linkState(this.host, name) : undefined;
    if (!state) throw new LxdError('not-found', `Network interface "${name}" not found`);
    return document(state);
  }

  async leases(_call: CallContext, { name }: agentNetworks.NetworkName): Promise<common.Document> {
    const { files } = new Dnsmasq(this.host, this.stateDir, linkName(name));
    return document(parseLeases(await this.host.files.readText(files.leases).catch(() => '')));
  }

  async usedSubnets(): Promise<agentNetworks.Subnets> {
    const [cidrs, has_ipv6] = await Promise.all([usedSubnets(this.host), this.host.files.exists('/proc/sys/net/ipv6')]);
    return { cidrs, has_ipv6 };
  }

  async links(): Promise<agentNetworks.HostLinks> {
    const links = await this.host.links.list();
    return { type_by_name: Object.fromEntries(links.map((link) => [link.name, hostLinkType(link)])) };
  }

  /** Brings up again what lost its bridge, rules or DHCP server; one that is whole is only looked at. */
  async lookAfter(): Promise<agentNetworks.LookedAfterNetworks> {
    const tables = await firewallTables(this.host);
    const networks: agentNetworks.LookedAfterNetwork[] = [];
    for (const name of await this.host.files.readdir(`${this.stateDir}/networks`).catch(() => [])) {
      const problem = await this.#locks.run(name, () => this.lookAfterOne(name, tables)).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
      if (problem !== undefined) networks.push({ name, problem });
    }
    return { networks };
  }

  /** Told of a network that was brought up again: its bridge may be a new one, without ports. */
  onMended(mended: (network: string) => Promise<void>): void {
    this.#mended = mended;
  }

  /** What is wrong with it; undefined for one that is gone. */
  private async lookAfterOne(name: string, tables: ReadonlySet<string>): Promise<string | undefined> {
    const text = await this.host.files.readText(this.specFile(name)).catch(() => undefined);
    if (text === undefined) return undefined;
    const spec = JSON.parse(text) as agentNetworks.BridgeSpec;
    const wish = bridgeWish(name, spec.config, this.stateDir);
    const dnsmasq = new Dnsmasq(this.host, this.stateDir, name);
    if ((await isBridgeAsWished(this.host, wish)) && hasFirewall(wish) === tables.has(name) && (await dnsmasq.isAsWished(wish))) return '';
    // Its sockets are bound to the bridge that was.
    if (!(await this.host.links.exists(name))) await dnsmasq.stop();
    await this.bringUp(spec);
    await this.#mended(name);
    return '';
  }

  private async bringUp(spec: agentNetworks.BridgeSpec): Promise<void> {
    const wish = bridgeWish(spec.name, spec.config, this.stateDir);
    await applyBridgeLink(this.host, wish);
    await applyFirewall(this.host, wish);
    await new Dnsmasq(this.host, this.stateDir, spec.name).apply(wish);
  }

  private async tearDown(name: string): Promise<void> {
    await new Dnsmasq(this.host, this.stateDir, name).stop();
    await removeFirewall(this.host, name);
    if ((await this.host.links.find(name))?.kind === 'bridge') await this.host.links.delete(name);
    await this.host.cgroups.remove(`/asterism/networks/${name}`);
    await this.host.files.remove(this.directory(name));
  }

  private directory(network: string): string {
    return `${this.stateDir}/networks/${network}`;
  }

  private specFile(network: string): string {
    return `${this.directory(network)}/network.json`;
  }
}
