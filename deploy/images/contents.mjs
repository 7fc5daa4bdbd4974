// What the images hold.
import { readFileSync } from 'node:fs';
import { packages } from '../host/setup.mjs';

const runtime = ['ca-certificates', 'libstdc++6', 'tzdata'];
/** Of a host these are other pods or other images. */
const elsewhere = ['postgresql', 'lxd-client'];

export const images = {
  'control-plane': {
    // The administrator's client, for `kubectl exec` into a gateway.
    packages: [...runtime, 'lxd-client'],
    user: '10001:10001',
    /** In the root file system, before it becomes a layer. */
    files: {
      'etc/group': { append: 'asterism:x:10001:\n' },
      'etc/passwd': { append: 'asterism:x:10001:10001::/var/lib/asterism:/usr/sbin/nologin\n' },
    },
  },
  agent: {
    packages: [...runtime, ...packages.host.filter((name) => !elsewhere.includes(name)), 'mount', 'procps', 'udev'],
    user: '0:0',
    // Where unprivileged instances get their ids from.
    files: { 'etc/subuid': { text: 'root:1000000:1000000000\n' }, 'etc/subgid': { text: 'root:1000000:1000000000\n' } },
  },
  // Debian's own, in place of the three images the chart's bundled stores name, for where no registry is reached.
  stores: {
    packages: ['ca-certificates', 'tzdata', 'postgresql', 'nats-server', 'redis-server'],
    user: '999:999',
    files: {
      'etc/stores-entrypoint': { text: readFileSync(new URL('stores-entrypoint.sh', import.meta.url), 'utf8') },
      'etc/passwd': { append: 'stores:x:999:999::/data:/usr/sbin/nologin\n' },
    },
    // PostgreSQL's fast way to end: it does not wait for its clients.
    stopSignal: 'SIGINT',
    entrypoint: ['sh', '/etc/stores-entrypoint'],
    withoutApplication: true,
  },
};

/** Of the tree: what runs, nothing that builds or tests. */
export const applicationFiles = ['package.json', 'package-lock.json', 'libs/*/package.json', 'libs/*/dist', 'services/*/package.json', 'services/*/dist', 'deploy/kubernetes'];

/** Belongs to no image: only built for tests, or of one process on one host. */
export function belongs(path) {
  return !/\.test\.(m?js|d\.ts)(\.map)?$|\.tsbuildinfo$|^(libs\/testing|services\/standalone)\/dist(\/|$)/.test(path);
}
