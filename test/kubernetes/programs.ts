import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../servers/asterism.js';

/** What is built of Go modules at the versions of their go.sum; each lies in `tools/<name>`, and is kept in the user's cache. */
const built = {
  kubernetes: { from: '.', names: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'] },
  coredns: { from: '.', names: ['coredns'] },
  helm: { from: 'helm.sh/helm/v3/cmd/helm', names: ['helm'] },
};

const debian = { etcd: 'etcd-server', containerd: 'containerd', runc: 'runc', ctr: 'containerd', nft: 'nftables', conntrack: 'conntrack', ip: 'iproute2', lxc: 'lxd-client' };
export const networkPlugins = '/usr/lib/cni';

/** A directory with every program built; what is missing is built first, which takes long for Kubernetes itself. */
export function builtPrograms(wanted = Object.keys(built) as (keyof typeof built)[], tell: (line: string) => void = console.log): string {
  const bin = join(cache(), 'bin');
  mkdirSync(bin, { recursive: true });
  for (const module of wanted) {
    const program = build(module, tell);
    for (const name of built[module].names) {
      rmSync(join(bin, name), { force: true });
      symlinkSync(program, join(bin, name));
    }
  }
  return bin;
}

/** Throws with the names of Debian's packages that are missing. */
export function requireDebian(): void {
  const missing = Object.entries(debian).filter(([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  const packages = new Set([...missing.map(([, name]) => name), ...(existsSync(join(networkPlugins, 'ptp')) ? [] : ['containernetworking-plugins'])]);
  if (packages.size > 0) throw new Error(`these packages of Debian are missing: ${[...packages].join(' ')}`);
}

function cache(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'asterism-test-kubernetes');
}

function build(module: keyof typeof built, tell: (line: string) => void): string {
  const source = join(repository, 'test/kubernetes/tools', module);
  const program = join(cache(), `${module}-${fingerprint(source)}`);
  if (existsSync(program)) return program;
  tell(`building ${module} from its Go modules`);
  const environment = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOTOOLCHAIN: 'auto' };
  const answer = spawnSync('nice', ['-n', '15', 'go', 'build', '-trimpath', '-ldflags', linkerFlags(source), '-o', `${program}.new`, built[module].from], { cwd: source, env: environment, encoding: 'utf8' });
  if (answer.error) throw new Error(`Go is missing (1.21 or newer brings the toolchain that is asked for): ${answer.error.message}`);
  if (answer.status !== 0) throw new Error(`${module} cannot be built:\n${answer.stderr.slice(-4000)}`);
  renameSync(`${program}.new`, program);
  return program;
}

/** Kubernetes says its version as it was told when it was linked. */
function linkerFlags(source: string): string {
  const version = /^\tk8s\.io\/kubernetes (v\S+)$/m.exec(readFileSync(join(source, 'go.mod'), 'utf8'))?.[1];
  const told = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].map((module) => `-X ${module}.gitVersion=${version}`);
  return ['-s -w', ...(version ? told : [])].join(' ');
}

/** Another one where a version or the source changes. */
function fingerprint(source: string): string {
  const hash = createHash('sha256');
  for (const path of globSync('*.{go,mod,sum}', { cwd: source }).sort()) hash.update(path).update(readFileSync(join(source, path)));
  return hash.digest('hex').slice(0, 16);
}

if (import.meta.main) {
  const bin = builtPrograms(process.argv.length > 2 ? (process.argv.slice(2) as (keyof typeof built)[]) : undefined, (line) => process.stderr.write(`${line}\n`));
  console.log(bin);
}
