import { Inject, Injectable } from '@nestjs/common';
import { document } from '@asterism/api';
import { Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { common, Networks, networks } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { CreateNetwork } from './create-network.js';
import { leasesOf } from './leases.js';
import { hostLinkEtag, hostLinkObject, networkEtag, networkObject, networkUrl } from './network-document.js';
import { networkEvent } from './network-event.js';
import { defaultProject } from './network-project.js';
import { NetworkSurroundings } from './network-surroundings.js';
import type { NetworkRow } from './network.store.js';
import { RenameNetwork } from './rename-network.js';
import { UpdateNetwork } from './update-network.js';

/** The service Networks. */
@Injectable()
export class NetworksHandler implements Networks {
  readonly #around: NetworkSurroundings;
  readonly #database: Database;
  readonly #create: CreateNetwork;
  readonly #update: UpdateNetwork;
  readonly #rename: RenameNetwork;

  constructor(@Inject(Database) database: Database, @Inject(NetworkSurroundings) around: NetworkSurroundings) {
    this.#around = around;
    this.#database = database;
    this.#create = new CreateNetwork(database, around);
    this.#update = new UpdateNetwork(database, around);
    this.#rename = new RenameNetwork(database, around);
  }

  async list(call: CallContext, request: common.ListRequest): Promise<common.Document> {
    const { store, projects, members, users } = this.#around;
    const project = await projects.owner(call, request.project);
    const rows = await store.ofProject(project);
    const links = project === defaultProject ? await this.#unmanaged(call, rows) : [];
    const names = [...rows.map((row) => row.name), ...links.map(([name]) => name)];
    if (request.recursion === 0) return document(names.map((name) => networkUrl({ project, name })));
    const usedBy = await users.usedBy(call, project, names);
    return document([
      ...rows.map((row) => networkObject(row, usedBy(row.name), members.names)),
      ...links.map(([name, type]) => hostLinkObject(name, type, usedBy(name))),
    ]);
  }

  async get(call: CallContext, request: networks.NetworkRef): Promise<common.Document> {
    const { store, projects, members, users } = this.#around;
    const project = await projects.owner(call, request.project);
    const row = await store.find(project, request.name);
    const type = row || project !== defaultProject ? undefined : (await members.links(call, request.target))[request.name];
    if (!row && type === undefined) throw new LxdError('not-found', 'Network not found');
    const usedBy = (await users.usedBy(call, project, [request.name]))(request.name);
    if (row) return document(networkObject(row, usedBy, members.names, members.requireTarget(request.target ?? '')), networkEtag(row));
    return document(hostLinkObject(request.name, type!, usedBy), hostLinkEtag(request.name, type!));
  }

  create(call: CallContext, request: networks.CreateNetwork): Promise<common.Created> {
    return this.#create.run(call, request);
  }

  async update(call: CallContext, request: networks.UpdateNetwork): Promise<common.Empty> {
    await this.#update.run(call, request);
    return {};
  }

  rename(call: CallContext, request: networks.RenameNetwork): Promise<common.Created> {
    return this.#rename.run(call, request);
  }

  async delete(call: CallContext, request: common.ObjectRef): Promise<common.Empty> {
    const { store, projects, members, users } = this.#around;
    const row = await this.#load(await projects.owner(call, request.project), request.name);
    const requireUnused = async (): Promise<void> => {
      if ((await users.usedBy(call, row.project, [row.name]))(row.name).length > 0) throw new LxdError('bad-request', 'The network is currently in use');
    };
    await requireUnused();
    await store.leave(row.id);
    try {
      // Again: whoever came before the mark is found, whoever comes after it is refused.
      await requireUnused();
      await members.remove(call, row);
    } catch (error) {
      await store.stay(row.id);
      throw error;
    }
    await this.#database.transact(async (unit) => {
      await store.delete(unit, row.project, row.name);
      unit.emit(networkEvent(call, 'network-deleted', row));
    });
    return {};
  }

  async state(call: CallContext, request: networks.NetworkRef): Promise<common.Document> {
    const project = await this.#around.projects.owner(call, request.project);
    if (project !== defaultProject && !(await this.#around.store.find(project, request.name))) throw new LxdError('not-found', 'Network not found');
    return { json: Buffer.from(await this.#around.members.state(call, request.name, request.target ?? '')), etag: '' };
  }

  async leases(call: CallContext, request: common.ObjectRef): Promise<common.Document> {
    const { projects, members, users } = this.#around;
    const row = await this.#load(await projects.owner(call, request.project), request.name);
    const [nics, dynamic] = await Promise.all([users.nics(call, row.project, row.name), members.leases(call, row.name)]);
    const ofProject = nics.filter((nic) => nic.project === (request.project || defaultProject));
    const leases = leasesOf(row, ofProject, dynamic);
    if ((request.project || defaultProject) === row.project) return document(leases);
    return document(leases.filter((lease) => ofProject.some((nic) => nic.hwaddr === lease.hwaddr)));
  }

  async withdrawMember(call: CallContext, { member }: networks.LeavingMember): Promise<common.Empty> {
    await this.#around.members.withdraw(call, member, await this.#around.store.all());
    return {};
  }

  async lookup(call: CallContext, request: networks.LookupNetworks): Promise<networks.NetworkFacts> {
    const rows = await this.#around.store.available(await this.#around.projects.owner(call, request.project), request.names);
    return { by_name: Object.fromEntries(rows.map(({ name, type, config }) => [name, { name, type, managed: true, config }])) };
  }

  /** Links of the host that are no managed networks; veth pairs are left out, as LXD does. */
  async #unmanaged(call: CallContext, managed: readonly NetworkRow[]): Promise<[name: string, type: string][]> {
    const links = Object.entries(await this.#around.members.links(call));
    return links.filter(([name]) => !name.startsWith('veth') && !managed.some((row) => row.name === name));
  }

  async #load(project: string, name: string): Promise<NetworkRow> {
    const row = await this.#around.store.find(project, name);
    if (!row) throw new LxdError('not-found', 'Failed loading network: Network not found');
    return row;
  }
}
