import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { cluster } from '@asterism/proto';
import { MemberStore, type MemberRow } from '../members/member.store.js';
import { agentAddressOf, namesOf } from './member-address.js';

const years = 10;

/** Signs the certificates by which members and control plane know each other. */
@Injectable()
export class Authority {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(MemberStore) private readonly members: MemberStore,
  ) {}

  /** Made once, with the cluster. */
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

  /** Where services run in processes of their own, whoever installed them signs: nobody can be given a certificate here. */
  async require(): Promise<{ certificate: string; key: string }> {
    const [authority] = await this.#rows();
    if (!authority) throw new LxdError('bad-request', 'Members of this control plane start an agent with its certificates instead of joining');
    return authority;
  }

  /** Where the control plane is served to members, and with what; empty where there is none. */
  async controlPlane(): Promise<cluster.ControlPlane> {
    const leader = await this.#leader();
    if (!leader || (await this.#rows()).length === 0) return { address: '', ca: '', certificate: '', key: '' };
    return { address: agentAddressOf(leader.server_address), ...(await this.issue(leader.name, leader.server_address)) };
  }

  /** The first half of it. */
  async address(): Promise<string> {
    const leader = await this.#leader();
    return leader ? agentAddressOf(leader.server_address) : '';
  }

  async #leader(): Promise<Pick<MemberRow, 'name' | 'server_address'> | undefined> {
    return (await this.members.listWithoutEnvironment()).find((member) => member.has_control_plane);
  }

  #rows(): Promise<{ certificate: string; key: string }[]> {
    return this.database.query('SELECT certificate, key FROM cluster.authority');
  }
}
