import { requireInterfaceName } from '@asterism/api';
import { isUniqueViolation, type Database } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import type { common, networks } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { networkUrl } from './network-document.js';
import { networkEvent } from './network-event.js';
import type { NetworkSurroundings } from './network-surroundings.js';

/** POST /1.0/networks/{name}: an unused network takes another name, and its bridge with it. */
export class RenameNetwork {
  constructor(
    private readonly database: Database,
    private readonly around: NetworkSurroundings,
  ) {}

  async run(call: CallContext, request: networks.RenameNetwork): Promise<common.Created> {
    const { store, projects, members, users } = this.around;
    const { name, new_name } = request;
    const project = await projects.owner(call, request.project);
    if (!(await store.find(project, name))) throw notFound();
    if (new_name === '') throw new LxdError('bad-request', 'New network name not provided');
    requireInterfaceName(new_name);
    await this.database.transact(async (unit) => {
      const row = await store.lock(unit, project, name);
      if (!row) throw notFound();
      if (await store.find(project, new_name)) throw nameTaken(new_name);
      if ((await users.usedBy(call, project, [name]))(name).length > 0) throw new LxdError('bad-request', 'Network is currently in use');
      if ((await members.links(call))[new_name] !== undefined) throw new LxdError('internal', `Network interface ${JSON.stringify(new_name)} already exists`);
      await members.remove(call, row);
      await members.apply(call, { ...row, name: new_name }).catch(async (error: unknown) => {
        await members.apply(call, row);
        throw error;
      });
      await store.rename(unit, row.id, new_name);
      unit.emit(networkEvent(call, 'network-renamed', { project, name: new_name }, { old_name: name }));
    }).catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken(new_name) : error;
    });
    return { url: networkUrl({ project, name: new_name }) };
  }
}

function notFound(): LxdError {
  return new LxdError('not-found', 'Failed loading network: Network not found');
}

function nameTaken(name: string): LxdError {
  return new LxdError('conflict', `Network ${JSON.stringify(name)} already exists`);
}
