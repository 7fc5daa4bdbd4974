import { dirname } from 'node:path';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import type { Layout, Pool } from './layout.js';
import type { StorageDriver } from './storage-driver.js';
import { copyTree, removeTree } from './plain-trees.js';
import { TreeDriver, type PoolPlaces, type Trees } from './tree-driver.js';

/** Directories of a file system that is there already, whichever it is. */
export function dirDriver(host: Host, layout: Layout): StorageDriver {
  return new TreeDriver({ host, layout, places: new DirPlaces(host, layout), trees: plainTrees(host) });
}

function plainTrees(host: Host): Trees {
  return {
    make: (path) => host.files.mkdir(path, { mode: 0o700 }),
    makeAtOnce: (path, mode) => host.files.mkdir(path, { mode }),
    async copy(from, to, options) {
      await host.files.mkdir(to, { mode: 0o700 });
      await copyTree(host, from, to, options);
    },
    remove: (path) => removeTree(host, path),
  };
}

class DirPlaces implements PoolPlaces {
  constructor(
    private readonly host: Host,
    private readonly layout: Layout,
  ) {}

  async create(pool: Pool): Promise<Record<string, string>> {
    const { files } = this.host;
    const path = this.layout.pool(pool.name);
    const source = pool.config['source'] || path;
    if (source !== path) await this.#checkSource(source);
    await files.mkdir(dirname(path), { mode: 0o711 });
    await files.mkdir(path, { mode: 0o711 });
    const config = { ...pool.config, source };
    await this.mount({ ...pool, config });
    return config;
  }

  async mount(pool: Pool): Promise<void> {
    const path = this.layout.pool(pool.name);
    const source = pool.config['source'];
    if (!source || source === path || (await this.host.mounts.isMounted(path))) return;
    await this.host.files.mkdir(path, { mode: 0o711 });
    await this.host.mounts.bind(source, path);
  }

  async remove(pool: Pool): Promise<void> {
    const { files, mounts } = this.host;
    const path = this.layout.pool(pool.name);
    if (!(await files.exists(path))) return;
    for (const name of await files.readdir(path)) await removeTree(this.host, `${path}/${name}`);
    await mounts.unmountTree(path);
    await files.remove(path);
  }

  async #checkSource(source: string): Promise<void> {
    const { files } = this.host;
    if (!source.startsWith('/') || !(await files.exists(source))) throw new LxdError('internal', `Source path '${source}' doesn't exist`);
    if ((await files.readdir(source)).length > 0) throw new LxdError('internal', `Source path '${source}' isn't empty`);
  }
}
