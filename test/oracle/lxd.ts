import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerKind } from '../servers/server.js';

/**
 * Debian's LXD, without systemd. Its LXC template configuration is a copy without the lxcfs hook, which sleeps half a second at every stop.
 */
export const lxd: ServerKind = {
  name: 'lxd',
  command: () => ['lxd', '--group', 'root'],
  env: (stateDirectory) => ({ LXD_DIR: stateDirectory, LXD_LXC_TEMPLATE_CONFIG: templateConfiguration(stateDirectory) }),
};

function templateConfiguration(stateDirectory: string): string {
  const copy = join(stateDirectory, '..', 'lxc-config');
  if (!existsSync(copy)) {
    cpSync('/usr/share/lxc/config', copy, { recursive: true });
    rmSync(join(copy, 'common.conf.d', '00-lxcfs.conf'), { force: true });
  }
  return copy;
}
