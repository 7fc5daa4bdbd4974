import { Inject, Injectable } from '@nestjs/common';
import { document, requireMatch, requireUnchanged, untilUnchanged } from '@asterism/api';
import { Database, isUniqueViolation, type Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { event, lifecycle } from '@asterism/events';
import { Token, type certificates, type Certificates, type Cluster, type common } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { ProjectStore } from '../projects/project.store.js';
import { changeCertificate } from './certificate-change.js';
import { isCurrent, readCertificate, readDer, type ReadCertificate } from './certificate-text.js';
import { CertificateStore, type CertificateRow } from './certificate.store.js';
import { JoinTokens } from './join-tokens.js';
import { readToken } from './trust-token.js';

/** What is to be added; without a certificate it is that of the connection, as for every token. */
type Grant = Pick<certificates.AddCertificate, 'name' | 'type' | 'restricted' | 'projects'> & { certificate?: string };

const certificateTypes: readonly string[] = ['client', 'server', 'metrics'];

/** The service Certificates: who is trusted, and how one comes to be. */
@Injectable()
export class CertificatesHandler implements Certificates {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CertificateStore) private readonly store: CertificateStore,
    @Inject(ProjectStore) private readonly projects: ProjectStore,
    @Inject(JoinTokens) private readonly tokens: JoinTokens,
    @Inject(Token.Cluster) private readonly cluster: Cluster,
  ) {}

  async list(_call: CallContext, request: common.ListRequest): Promise<common.Document> {
    const rows = await this.store.list();
    return document(request.recursion === 0 ? rows.map((row) => certificatePath(row.fingerprint)) : rows.map(certificateObject));
  }

  async get(_call: CallContext, { fingerprint }: certificates.CertificateRef): Promise<common.Document> {
    const row = await this.#load(fingerprint);
    return document(certificateObject(row), certificateObject(row));
  }

  async add(call: CallContext, request: certificates.AddCertificate): Promise<certificates.AddedCertificate> {
    if (request.trusted && !request.token && request.certificate === '') throw new LxdError('bad-request', 'Client is already trusted');
    if (!request.trusted) await this.#refuseKnown(request);
    const grant = request.trusted ? request : await this.#grant(call, request);
    if (!certificateTypes.includes(grant.type)) throw new LxdError('bad-request', 'Invalid certificate type');
    if (request.trusted && request.token) {
      if (request.certificate !== '') throw new LxdError('bad-request', "Can't use certificate if token is requested");
      return { url: '', operation: await this.tokens.issue(call, request) };
    }
    const read = grant.certificate ? readCertificate(grant.certificate) : this.#ofConnection(request);
    if (!isCurrent(read.pem, new Date())) throw new LxdError('bad-request', 'The provided certificate is expired or not valid yet');
    await this.#insert(call, read, { ...grant, name: grant.name || read.commonName || request.remote_address });
    return { url: certificatePath(read.fingerprint), operation: undefined };
  }

  async update(call: CallContext, request: certificates.UpdateCertificate): Promise<common.Empty> {
    await untilUnchanged(() => this.#update(call, request));
    return {};
  }

  async #update(call: CallContext, request: certificates.UpdateCertificate): Promise<void> {
    const row = await this.#load(request.fingerprint);
    requireMatch(request.if_match, certificateObject(row));
    const change = changeCertificate(row, request);
    await this.database.transact(async (unit) => {
      const current = await this.store.lock(unit, row.id);
      if (!current) throw new LxdError('not-found', 'Certificate not found');
      requireUnchanged(certificateObject(row), certificateObject(current));
      await this.store.update(unit, { ...change, id: row.id }, await this.#projectIds(unit, change.projects));
      this.#emit(call, unit, 'certificate-updated', change.fingerprint, row.fingerprint);
    });
  }

  async delete(call: CallContext, { fingerprint }: certificates.CertificateRef): Promise<common.Empty> {
    const row = await this.#load(fingerprint);
    await this.database.transact(async (unit) => {
      await this.store.delete(unit, row.id);
      this.#emit(call, unit, 'certificate-deleted', row.fingerprint);
    });
    return {};
  }

  async identify(_call: CallContext, { der }: certificates.PeerCertificate): Promise<certificates.Identity> {
    const { fingerprint } = readDer(der);
    const row = await this.store.find(fingerprint);
    if (!row || !isCurrent(row.certificate, new Date())) return { trusted: false, fingerprint, name: '', type: '', restricted: false, projects: [] };
    const { name, type, restricted, projects } = row;
    return { trusted: true, fingerprint, name, type, restricted, projects };
  }

  /** What an untrusted caller may become: by token what its issuer said, by trust password what it asks for. */
  async #grant(call: CallContext, request: certificates.AddCertificate): Promise<Grant> {
    const token = readToken(request.password);
    if (token) return this.tokens.redeem(call, token.secret);
    const verdict = await this.cluster.verifyTrustPassword(call, { password: request.password });
    if (!verdict.correct) throw new LxdError('forbidden', 'not authorized');
    return request;
  }

  async #refuseKnown(request: certificates.AddCertificate): Promise<void> {
    if (request.connection_certificate.length === 0) return;
    if (await this.store.find(readDer(request.connection_certificate).fingerprint)) throw new LxdError('bad-request', 'Client is already trusted');
  }

  #ofConnection(request: certificates.AddCertificate): ReadCertificate {
    if (request.connection_certificate.length === 0) throw new LxdError('bad-request', 'No client certificate provided');
    return readDer(request.connection_certificate);
  }

  async #insert(call: CallContext, read: ReadCertificate, grant: Grant): Promise<void> {
    try {
      await this.database.transact(async (unit) => {
        const row = { fingerprint: read.fingerprint, type: grant.type, name: grant.name, certificate: read.pem, restricted: grant.restricted };
        await this.store.insert(unit, row, await this.#projectIds(unit, grant.projects));
        this.#emit(call, unit, 'certificate-created', read.fingerprint);
      });
    } catch (error) {
      throw isUniqueViolation(error) ? new LxdError('conflict', 'Certificate already in trust store') : error;
    }
  }

  async #projectIds(unit: Unit, names: readonly string[]): Promise<string[]> {
    const found = await this.projects.ids(unit, names);
    if (found.length !== new Set(names).size) throw new LxdError('not-found', 'Project not found');
    return found.map((project) => project.id);
  }

  #emit(call: CallContext, unit: Unit, action: string, ...fingerprints: [string, ...string[]]): void {
    unit.emit(lifecycle({ action, source: certificatePath(fingerprints[0]), project: 'default', requestor: call.requestor }));
    unit.emit(event('certificates.changed', { fingerprints: [...new Set(fingerprints)] }));
  }

  /** A whole fingerprint, or the beginning of one entry's. */
  async #load(fingerprint: string): Promise<CertificateRow> {
    const rows = /^[0-9a-f]+$/.test(fingerprint) ? await this.store.startingWith(fingerprint) : [];
    if (rows.length > 1) throw new LxdError('internal', 'More than one certificate matches');
    if (!rows[0]) throw new LxdError('not-found', 'Certificate not found');
    return rows[0];
  }
}

function certificatePath(fingerprint: string): string {
  return `/1.0/certificates/${fingerprint}`;
}

function certificateObject(row: CertificateRow): object {
  const { name, type, restricted, projects, certificate, fingerprint } = row;
  return { name, type, restricted, projects, certificate, fingerprint };
}
