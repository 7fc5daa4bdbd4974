import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { capture } from './capture.js';
import type { Captured, CaptureOptions } from './capture.js';

/** Enters fresh cgroups, then the namespaces; `$0` is the work directory, `$1` the name of the cgroups. */
const enter = `set -e
mkdir -p "$0/cgroup"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then hierarchies=/sys/fs/cgroup/; else hierarchies=$(ls -d /sys/fs/cgroup/*/); fi
for hierarchy in $hierarchies; do
  mkdir "$hierarchy$1"
  if [ -e "$hierarchy$1/cpuset.cpus" ] && [ ! -e "$hierarchy$1/cgroup.controllers" ]; then
    cat "$hierarchy"cpuset.cpus > "$hierarchy$1/cpuset.cpus"
    cat "$hierarchy"cpuset.mems > "$hierarchy$1/cpuset.mems"
  fi
  echo $$ > "$hierarchy$1/cgroup.procs"
done
exec unshare --cgroup --net --mount --pid --fork --kill-child --mount-proc sh -c "$2" "$0"
`;

/** pid 1 of the isolated host: its own view of cgroups and network devices under /sys, loopback up, then reaping orphans until its input ends, as it does when the starter is gone. */
const init = `set -e
exec 3<&0
mount --rbind /sys/fs/cgroup "$0/cgroup"
mount -t sysfs sysfs /sys
if [ -e "$0/cgroup/cgroup.controllers" ]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir -p /sys/fs/cgroup/init.scope && echo $$ > /sys/fs/cgroup/init.scope/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control; done
else
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for hierarchy in "$0"/cgroup/*/; do
    name=$(basename "$hierarchy")
    mkdir "/sys/fs/cgroup/$name"
    case "$name" in
      unified) mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified ;;
      systemd) mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd ;;
      *) mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" ;;
    esac
  done
fi
umount -l "$0/cgroup"
ip link set lo up
echo ready
cat <&3 &
wait $!
`;

/**
 * Namespaces (network, mount, pid, cgroup) that stand for a host of their own, so that two servers can run side by side with the same bridges,
 * subnets and ports. Ending its pid 1 ends every process, mount, bridge and container in it; nothing stays behind on the real host.
 * The file system is the real one: paths mean the same inside and outside.
 */
export class IsolatedHost {
  readonly #unshare: ChildProcess | undefined;
  readonly #cgroup: string;

  private constructor(
    /** A directory of this host, removed with it. */
    readonly directory: string,
    /** The real host's pid of this host's pid 1. */
    readonly pid: number,
    unshare: ChildProcess | undefined,
    cgroup: string,
  ) {
    this.#unshare = unshare;
    this.#cgroup = cgroup;
  }

  static async start(name: string): Promise<IsolatedHost> {
    const directory = mkdtempSync(join(tmpdir(), `asterism-${name}-`));
    // The root of an unprivileged container has to pass through.
    chmodSync(directory, 0o711);
    mkdirSync(join(directory, 'home'));
    const cgroup = directory.slice(directory.lastIndexOf('/') + 1);
    const unshare = spawn('sh', ['-c', enter, directory, cgroup, init], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    let errors = '';
    unshare.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      unshare.stdout.on('data', () => resolve());
      unshare.once('exit', (code) => reject(new Error(`cannot make an isolated host (exit ${code}): ${errors}`)));
    });
    const pid = childrenOf(unshare.pid ?? 0)[0];
    if (pid === undefined) throw new Error('the isolated host has no pid 1');
    return new IsolatedHost(directory, pid, unshare, cgroup);
  }

  /** One that another process has started, and ends. */
  static ofAnother(directory: string, pid: number): IsolatedHost {
    return new IsolatedHost(directory, pid, undefined, '');
  }

  /** The command line that runs `command` inside. */
  inside(command: string[]): string[] {
    return ['nsenter', '--target', String(this.pid), '--mount', '--net', '--pid', '--cgroup', '--wd=.', '--', ...command];
  }

  /** Runs a command inside to its end. */
  async run(command: string[], options: CaptureOptions = {}): Promise<Captured> {
    return await capture(this.inside(command), options);
  }

  /** Real pids of the host's own processes; those in containers have further pid namespaces and are not among them. */
  processes(): number[] {
    const own = namespaceOf(this.pid, 'pid');
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number)
      .filter((pid) => pid !== this.pid && namespaceOf(pid, 'pid') === own);
  }

  async stop(): Promise<void> {
    const unshare = this.#unshare;
    if (!unshare) return;
    const gone = new Promise<void>((resolve) => (unshare.exitCode === null && unshare.signalCode === null ? unshare.once('exit', () => resolve()) : resolve()));
    process.kill(this.pid, 'SIGKILL');
    await gone;
    for (let attempt = 0; attempt < 20 && !this.#removeCgroups(); attempt++) await new Promise((resolve) => setTimeout(resolve, 100));
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  #removeCgroups(): boolean {
    const root = '/sys/fs/cgroup';
    const hierarchies = existsSync(join(root, 'cgroup.controllers')) ? [root] : readdirSync(root).map((name) => join(root, name));
    return hierarchies.map((hierarchy) => removeCgroup(join(hierarchy, this.#cgroup))).every(Boolean);
  }
}

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function namespaceOf(pid: number, kind: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}

function removeCgroup(path: string): boolean {
  if (!existsSync(path)) return true;
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}
