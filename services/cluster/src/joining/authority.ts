import { Inject, Injectable } from '@nestjs/common';
import { serverKeys } from '@asterism/config-keys';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event } from '@asterism/events';
import type { cluster } from '@asterism/proto';
import { RuntimeInfo } from '@asterism/service';
import { ConfigStore } from '../config/config.store.js';
import { MemberStore, type MemberRow } from '../members/member.store.js';
import { agentAddressOf, canonicalAddress, isWildcard, namesOf } from './member-address.js';

const years = 10;

/** Signs the certificates by which members that joined and the control plane know each other. */
@Injectable()
export class Authority {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
  ) {}

  /** Made once: with the cluster, or where members come from nodes, when the first host is to join beside them. */
  async make(unit: Unit): Promise<void> {
    const { createAuthority } = await import('@asterism/certificates');
    const { certificate, key } = await createAuthority('Asterism cluster');
    await unit.query('INSERT INTO cluster.authority (certificate, key) VALUES ($1, $2) ON CONFLICT DO NOTHING', [certificate, key]);
  }

  async issue(name: string, serverAddress: string): Promise<Pick<cluster.AcceptedMember, 'ca' | 'certificate' | 'key'>> {
    const authority = await this.require();
    const { issueCertificate } = await import('@asterism/certificates');
    const { certificate, key } = await issueCertificate(authority, { commonName: name, years, ...namesOf(serverAddress) });
    return { ca: authority.certificate, certificate, key };
  }

  async require(): Promise<{ certificate: string; key: string }> {
    const [authority] = await this.#rows();
    if (authority) return authority;
    if (this.runtime.composition !== 'processes') throw new LxdError('bad-request', 'This server is not clustered');
    await this.database.transact(async (unit) => {
      await this.make(unit);
      // Who serves hosts that join has nothing to show before.
      unit.emit(event('members.changed', { members: [] }));
    });
    return (await this.#rows())[0]!;
  }

  /** Where the control plane listens for members, and with what; empty where nobody can join yet. */
  async controlPlane(): Promise<cluster.ControlPlane> {
    const leader = await this.#leader();
    const address = leader?.server_address ?? (this.runtime.composition === 'processes' ? await this.#apiAddress() : '');
    if (address === '' || (await this.#rows()).length === 0) return { address: '', ca: '', certificate: '', key: '' };
    return { address: agentAddressOf(address), ...(await this.issue(leader?.name ?? 'control plane', address)) };
  }

  /** How a member that reached the API at an address finds the control plane, and other members. */
  async reachedFrom(apiAddress: string): Promise<Pick<cluster.AcceptedMember, 'control_address' | 'relays_agents'>> {
    const address = (await this.#leader())?.server_address ?? canonicalAddress(apiAddress);
    if (this.runtime.composition !== 'processes') return { control_address: agentAddressOf(address) };
    return { control_address: this.runtime.environment.membersAddress ?? agentAddressOf(address), relays_agents: true };
  }

  /** Where hosts that are to join find the API. Members that came from nodes serve none. */
  async apiAddresses(online: readonly Pick<MemberRow, 'server_address' | 'joined' | 'has_control_plane'>[], reachedAt: string): Promise<string[]> {
    const { apiAddress } = this.runtime.environment;
    if (this.runtime.composition !== 'processes') return online.map(({ server_address }) => server_address);
    const serving = online.filter(({ joined, has_control_plane }) => joined || has_control_plane).map(({ server_address }) => server_address);
    const configured = await this.#apiAddress();
    const own = apiAddress ?? (configured !== '' && !isWildcard(configured) ? configured : reachedAt);
    const addresses = [...new Set([...(own === '' ? [] : [canonicalAddress(own)]), ...serving])];
    if (addresses.length === 0) throw new LxdError('bad-request', 'It is not known where hosts find this API: ask for the token over HTTPS, or set core.https_address to an address of theirs');
    return addresses;
  }

  async #apiAddress(): Promise<string> {
    const address = (await this.config.load())[serverKeys.coreHttpsAddress.name] ?? '';
    return address === '' ? '' : canonicalAddress(address);
  }

  async #leader(): Promise<Pick<MemberRow, 'name' | 'server_address'> | undefined> {
    return (await this.members.listWithoutEnvironment()).find((member) => member.has_control_plane);
  }

  #rows(): Promise<{ certificate: string; key: string }[]> {
    return this.database.query('SELECT certificate, key FROM cluster.authority');
  }
}
