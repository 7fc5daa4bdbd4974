// Prepares a Debian host: packages, Node 24, dependencies, build. Runs on Node 20 before anything is installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { phase } from './progress.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bin = join(root, 'node_modules', '.bin');

/** Debian packages by what needs them. */
export const packages = {
  host: ['lxc', 'uidmap', 'btrfs-progs', 'dnsmasq-base', 'nftables', 'iproute2', 'postgresql', 'squashfs-tools', 'zstd', 'xz-utils', 'bzip2', 'rsync', 'busybox-static', 'attr', 'acl', 'kmod', 'e2fsprogs', 'lxd-client'],
  processes: ['nats-server', 'redis-server'],
  tests: ['lxd', 'lxd-tools', 'nats-server', 'redis-server', 'socat', 'util-linux', 'expect'],
};

/** Installs what is missing and says which. */
export function installPackages(groups) {
  const wanted = [...new Set(groups.flatMap((group) => packages[group]))];
  const missing = wanted.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (process.getuid() !== 0) throw new Error(`these packages are missing, and only root can install them: ${missing.join(' ')}`);
  phase(`installing Debian packages: ${missing.join(' ')}`, () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const withoutServices = keepServicesStopped();
    try {
      apt(['update', '-qq'], env);
      apt(['install', '-y', '-qq', '--no-install-recommends', ...missing], env);
    } finally {
      withoutServices();
    }
  });
}

/** npm dependencies, by the lock file; quick when nothing changed. */
export function installDependencies() {
  const stamp = join(root, 'node_modules', '.asterism-lock');
  const lock = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(join(bin, 'node'))) return;
  phase('installing npm dependencies', () => {
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--foreground-scripts=false']);
    repairNode();
    writeFileSync(stamp, lock);
  });
}

/** Compiles what changed; quick when nothing did. */
export function build() {
  const stamp = join(root, 'node_modules', '.asterism-build');
  const newest = newestSource();
  const built = existsSync(join(root, 'services/standalone/dist/main.js')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === newest;
  if (built) return;
  phase('building', () => run('npm', ['run', '--silent', 'build'], { PATH: `${bin}:${process.env.PATH}` }));
  writeFileSync(stamp, newest);
}

/** Tells one state of the sources from another: how many files there are and when the last of them changed. */
function newestSource() {
  let count = 0;
  let newest = 0;
  for (const top of ['proto', 'libs', 'services', 'test']) {
    for (const path of readdirSync(join(root, top), { recursive: true })) {
      if (!/(^|\/)src\/.*\.ts$|\.proto$|^[^/]*\/[^/]*\.(ts|json)$/.test(path) || /node_modules|\/dist\/|\/generated\//.test(path)) continue;
      count++;
      newest = Math.max(newest, statSync(join(root, top, path)).mtimeMs);
    }
  }
  return `${count} ${newest}`;
}

/** The Node that runs Asterism: the machine's own where it is new enough, else the one that npm brought. */
export function node() {
  const own = Number(process.versions.node.split('.')[0]);
  return own >= 24 ? process.execPath : join(bin, 'node');
}

export function setUp(groups) {
  installPackages(groups);
  installDependencies();
  build();
}

/** npm may be set to run no install scripts; the binary then still lies in the platform's own package. */
function repairNode() {
  const probe = spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' });
  if (probe.status === 0) return;
  run('npm', ['rebuild', 'node', '--loglevel=error']);
  if (spawnSync(join(bin, 'node'), ['--version']).status !== 0) throw new Error('Node 24 could not be installed: install Node 24 or newer by hand and try again');
}

function isInstalled(name) {
  const answer = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return answer.status === 0 && answer.stdout === 'installed';
}

/** Packages of servers start them unless told not to (policy-rc.d, Debian policy 9.3.3.1); we start our own. */
function keepServicesStopped() {
  const path = '/usr/sbin/policy-rc.d';
  if (existsSync(path)) return () => {};
  writeFileSync(path, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => execFileSync('rm', ['-f', path]);
}

function apt(args, env) {
  const answer = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (answer.status !== 0) throw new Error(`apt-get ${args[0]} failed:\n${answer.stderr || answer.stdout}`);
}

function run(command, args, env = {}) {
  const answer = spawnSync(command, args, { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024 });
  if (answer.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${`${answer.stdout}${answer.stderr}`.trim().split('\n').slice(0, 20).join('\n')}`);
}

