import { PassThrough } from 'node:stream';
import type { CgroupLayout, Cgroups, OpenCgroup } from './cgroups.js';
import type { Child } from './children.js';
import { commandError, type Argv, type ExecOptions, type ExecResult, type Spawned, type SpawnOptions } from './commands.js';
import { FakeFiles } from './fake-files.js';
import type { GuestNetwork } from './guest-network.js';
import type { Proxy } from './forwarder/proxy.js';
import type { Forwarders } from './forwarders.js';
import type { Guests, GuestRequests, GuestVerb } from './guests.js';
import type { HeldFile } from './held-file.js';
import type { Host } from './host.js';
import type { Interceptors } from './interceptors.js';
import type { Terminal, TerminalOptions } from './terminals.js';
import type { Subvolumes } from './subvolumes.js';
import type { Uevent } from './uevents.js';
import type { UnixSockets } from './unix-sockets.js';
import type { BindOptions, MountEntry, MountOptions, Mounts, Propagation } from './mounts.js';
import type { HostLink, HostRoute } from './link-dump.js';
import type { Links, VethPair } from './links.js';
import type { Owners } from './owners/owners.js';
import type { Processes, ProcessHandle, StartOptions } from './processes.js';

/** What a command answers in a test; `code` 0 and no output when absent. */
export type FakeAnswer = Partial<ExecResult>;

/** A host in memory: records what it is told to do, keeps a file tree, mounts and cgroups, and answers commands as the test says. */
export class FakeHost implements Host {
  /** Every command run, spawned or started, as one line each, in order; mounts and unmounts among them as "mount ..." lines. */
  readonly log: string[] = [];
  readonly inputs: string[] = [];
  readonly files = new FakeFiles();
  /** Everything can be mounted with other ids, no owner ever changes. */
  owners: Owners = { canMap: async () => true, planned: async () => ({ from: [], to: [] }), apply: async () => undefined, change: async () => undefined };
  /** None: the fake host has no btrfs; its storage is tested on real ones. */
  readonly subvolumes: Subvolumes = noSubvolumes;
  readonly mounts: FakeMounts = new FakeMounts(this.log);
  readonly cgroups: FakeCgroups = new FakeCgroups();
  readonly links: FakeLinks = new FakeLinks(this.log);
  readonly processes: FakeProcesses = new FakeProcesses(this.log);
  readonly guests: FakeGuests = new FakeGuests(this.log);
  /** Nobody ever connects. */
  readonly unixSockets: UnixSockets = { listen: async () => ({ close: async () => undefined }) };
  /** For tests: proxies that are open. */
  readonly proxies = new Map<string, Proxy>();
  readonly forwarders: Forwarders = {
    open: async (_directory, proxy) => void this.proxies.set(proxy.key, proxy),
    close: async (_directory, key) => void this.proxies.delete(key),
    onLost: () => undefined,
  };
  /** No guest calls. */
  readonly interceptors: Interceptors = { run: async (directory) => `${directory}/seccomp.sock`, onLost: () => undefined };
  /** For tests: those who listen for devices that come and go. */
  readonly ueventListeners = new Set<(event: Uevent) => void>();
  uevents = (heard: (event: Uevent) => void): { stop(): void } => {
    this.ueventListeners.add(heard);
    return { stop: () => void this.ueventListeners.delete(heard) };
  };
  private readonly answers: [prefix: string, answer: FakeAnswer | ((argv: Argv) => FakeAnswer)][] = [];

  /** Commands that begin with these words answer so; the latest rule that fits wins. */
  answer(prefix: string, answer: FakeAnswer | ((argv: Argv) => FakeAnswer)): this {
    this.answers.unshift([prefix, answer]);
    return this;
  }

  exec = async (argv: Argv, options: ExecOptions = {}): Promise<ExecResult> => {
    const result = this.run(argv);
    if (options.input !== undefined) this.inputs.push(options.input.toString());
    if (!(options.okCodes ?? [0]).includes(result.code)) throw commandError(argv, { code: result.code, signal: null }, result.stderr);
    return result;
  };

  spawn = (argv: Argv, _options: SpawnOptions = {}): Spawned => {
    const result = this.run(argv);
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdout.end(result.stdout);
    stderr.end(result.stderr);
    stdin.resume();
    const exit = { code: result.code, signal: null };
    return {
      pid: 1000,
      stdin,
      stdout,
      stderr,
      kill: () => undefined,
      ended: Promise.resolve(exit),
      exited: Promise.resolve(exit),
      async succeeded() {
        if (exit.code !== 0) throw commandError(argv, exit, result.stderr);
      },
    };
  };

  spawnMute = (argv: Argv): Child => {
    const { code } = this.run(argv);
    return { pid: 1000, kill: () => undefined, ended: Promise.resolve({ code, signal: null }) };
  };

  holdFile = (_beginning: string): HeldFile => ({ path: '/proc/1/fd/3', finish: () => undefined, close: () => undefined });

  terminal = async (argv: Argv, _options: TerminalOptions): Promise<Terminal> => {
    const { stdout, code } = this.run(argv);
    const output = async function* (): AsyncIterable<Buffer> {
      if (stdout) yield Buffer.from(stdout);
    };
    return { pid: 1000, write: () => undefined, output: output(), resize: () => undefined, kill: () => undefined, ended: Promise.resolve({ code, signal: null }) };
  };

  private run(argv: Argv): ExecResult {
    const line = argv.join(' ');
    this.log.push(line);
    const rule = this.answers.find(([prefix]) => line === prefix || line.startsWith(`${prefix} `));
    const answer = typeof rule?.[1] === 'function' ? rule[1](argv) : rule?.[1];
    return { stdout: '', stderr: '', code: 0, ...answer };
  }
}

const noBtrfs = async (): Promise<never> => {
  throw Object.assign(new Error('ENOTTY: no btrfs'), { code: 'ENOTTY' });
};
const noSubvolumes: Subvolumes = {
  isBtrfs: async () => false,
  isSubvolume: async () => false,
  create: noBtrfs,
  snapshot: noBtrfs,
  destroy: noBtrfs,
  setReadonly: noBtrfs,
  hasNested: noBtrfs,
  usage: noBtrfs,
};

/** Records what guests are asked as "guest <verb> <source> <target>" lines; answers as `answers` says, else undefined. */
export class FakeGuests implements Guests {
  readonly answers = new Map<GuestVerb, unknown>();
  constructor(private readonly log: string[]) {}

  async ask<V extends GuestVerb>(verb: V, request: GuestRequests[V]['request']): Promise<GuestRequests[V]['answer']> {
    const { source, target } = request as { source?: string; target?: string };
    this.log.push(['guest', verb, source, target].filter((word) => word !== undefined).join(' '));
    return this.answers.get(verb) as GuestRequests[V]['answer'];
  }
  network(): GuestNetwork {
    return { links: () => [], close: () => undefined };
  }
  async close(): Promise<void> {
    return undefined;
  }
}

export class FakeMounts implements Mounts {
  readonly entries: MountEntry[] = [];
  constructor(private readonly log: string[]) {}

  async list(): Promise<MountEntry[]> {
    return [...this.entries];
  }
  async isMounted(target: string): Promise<boolean> {
    return this.entries.some((entry) => entry.target === target);
  }
  async mount(source: string, target: string, type: string, options: MountOptions = {}): Promise<void> {
    this.log.push(`mount -t ${type}${options.data ? ` -o ${options.data}` : ''} ${source} ${target}`);
    this.add(source, target, type, options.flags?.includes('rdonly') ? ['ro'] : ['rw']);
  }
  async bind(source: string, target: string, options: BindOptions = {}): Promise<void> {
    this.log.push(`mount ${options.recursive ? '--rbind' : '--bind'}${options.readonly ? ' -o ro' : ''} ${source} ${target}`);
    this.add(source, target, 'bind', options.readonly ? ['ro'] : ['rw']);
  }
  async propagate(target: string, propagation: Propagation, recursive = false): Promise<void> {
    this.log.push(`mount --make-${recursive ? 'r' : ''}${propagation} ${target}`);
  }
  async unmount(target: string): Promise<void> {
    const index = this.entries.findLastIndex((entry) => entry.target === target);
    if (index < 0) return;
    this.entries.splice(index, 1);
    this.log.push(`umount ${target}`);
  }
  async unmountTree(target: string): Promise<void> {
    const inside = this.entries.filter((entry) => entry.target === target || entry.target.startsWith(`${target}/`));
    for (const entry of inside.reverse()) await this.unmount(entry.target);
  }
  private add(source: string, target: string, type: string, options: string[]): void {
    this.entries.push({ id: this.entries.length + 100, parentId: 1, device: '0:1', root: '/', target, options, propagation: [], type, source, superOptions: [] });
  }
}

export class FakeCgroups implements Cgroups {
  trees: CgroupLayout = { version: 'v2', trees: { unified: '/sys/fs/cgroup' } };
  /** By "group/file". */
  readonly values = new Map<string, string>();
  readonly groups = new Set<string>();

  async layout(): Promise<CgroupLayout> {
    return this.trees;
  }
  async create(group: string): Promise<void> {
    this.groups.add(group);
  }
  async remove(group: string): Promise<void> {
    this.groups.delete(group);
  }
  async read(group: string, file: string): Promise<string | undefined> {
    return this.values.get(`${group}/${file}`);
  }
  async open(group: string, files: readonly string[]): Promise<OpenCgroup> {
    return { read: () => files.map((file) => this.values.get(`${group}/${file}`)), close: () => undefined };
  }
  async write(group: string, file: string, value: string): Promise<void> {
    this.values.set(`${group}/${file}`, value);
  }
  async move(group: string, pid: number): Promise<void> {
    this.values.set(`${group}/cgroup.procs`, String(pid));
  }
  async directory(group: string, controller: string): Promise<string | undefined> {
    const tree = this.trees.trees[controller] ?? this.trees.trees['unified'];
    return tree === undefined ? undefined : tree + group;
  }
}

export class FakeLinks implements Links {
  readonly names = new Set<string>(['lo']);
  constructor(private readonly log: string[]) {}

  async exists(name: string): Promise<boolean> {
    return this.names.has(name);
  }
  async list(): Promise<HostLink[]> {
    return [...this.names].map(fakeLink);
  }
  async find(name: string): Promise<HostLink | undefined> {
    return this.names.has(name) ? fakeLink(name, [...this.names].indexOf(name)) : undefined;
  }
  async routes(): Promise<HostRoute[]> {
    return [];
  }
  async createVeth({ name, peer, master }: VethPair): Promise<void> {
    this.log.push(`link add ${name} peer ${peer}${master === undefined ? '' : ` master ${master}`}`);
    this.names.add(name).add(peer);
  }
  async delete(name: string): Promise<void> {
    if (this.names.delete(name)) this.log.push(`link delete ${name}`);
  }
}

function fakeLink(name: string, index: number): HostLink {
  const counters = { bytesReceived: 0, bytesSent: 0, packetsReceived: 0, packetsSent: 0 };
  return { index: index + 1, name, isUp: true, type: 'broadcast', isEthernet: true, mtu: 1500, hwaddr: '', kind: '', lowerIndex: 0, counters, addresses: [] };
}

export class FakeProcesses implements Processes {
  readonly childrenOf = new Map<number, number[]>();
  readonly alive = new Map<number, ProcessHandle>();
  private nextPid = 2000;
  constructor(private readonly log: string[]) {}

  async start(argv: Argv, _options: StartOptions = {}): Promise<ProcessHandle> {
    this.log.push(`start ${argv.join(' ')}`);
    const handle = { pid: this.nextPid++, startTime: 1 };
    this.alive.set(handle.pid, handle);
    return handle;
  }
  handle(pid: number): ProcessHandle | undefined {
    return this.alive.get(pid);
  }
  children(pid: number): number[] {
    return this.childrenOf.get(pid) ?? [];
  }
  blocks(): boolean {
    return false;
  }
  isAlive(handle: ProcessHandle): boolean {
    return this.alive.get(handle.pid)?.startTime === handle.startTime;
  }
  signal(handle: ProcessHandle, signal: NodeJS.Signals | number): void {
    this.log.push(`kill -${signal} ${handle.pid}`);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.alive.delete(handle.pid);
  }
  async stop(handle: ProcessHandle): Promise<void> {
    this.signal(handle, 'SIGTERM');
  }
}
