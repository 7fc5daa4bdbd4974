import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import type { ProcessHandle } from '../host/processes.js';
import type { BridgeWish } from './bridge-wish.js';
import { dnsmasqArguments, dnsmasqFiles, wantsDnsmasq, type DnsmasqFiles } from './dnsmasq-config.js';

/** What is remembered of a running dnsmasq, so that a restarted agent finds it again. */
interface Running extends ProcessHandle {
  words: string[];
  raw: string;
}

const startMs = 5_000;

/** A network's DHCP and DNS server: a process that outlives the agent. */
export class Dnsmasq {
  readonly files: DnsmasqFiles;

  constructor(
    private readonly host: Host,
    stateDir: string,
    private readonly network: string,
  ) {
    this.files = dnsmasqFiles(stateDir, network);
  }

  /** Runs, with this configuration, or not at all where nothing is to be served; one that runs so already is left alone. */
  async apply(wish: BridgeWish): Promise<void> {
    if (!wantsDnsmasq(wish)) return this.stop();
    if (await this.isAsWished(wish)) return;
    const words = dnsmasqArguments(wish, this.files);
    const raw = rawConfig(wish);
    await this.stop();
    await this.host.files.mkdir(this.files.hosts, { mode: 0o755 });
    await this.host.files.write(this.files.raw, raw, { mode: 0o644 });
    await this.start(words, raw);
  }

  /** Whether it runs with this configuration, or not at all where nothing is to be served. */
  async isAsWished(wish: BridgeWish): Promise<boolean> {
    const running = await this.running();
    if (!wantsDnsmasq(wish)) return running === undefined;
    return running !== undefined && running.raw === rawConfig(wish) && running.words.join('\n') === dnsmasqArguments(wish, this.files).join('\n');
  }

  /** Reads the hosts anew. */
  async reload(): Promise<void> {
    const running = await this.running();
    if (running) this.host.processes.signal(running, 'SIGHUP');
  }

  async stop(): Promise<void> {
    const running = await this.running();
    if (running) await this.host.processes.stop(running);
    await this.host.files.remove(this.files.handle);
    await this.host.files.remove(this.files.ready);
  }

  private async running(): Promise<Running | undefined> {
    if (!(await this.host.files.exists(this.files.handle))) return undefined;
    const running = JSON.parse(await this.host.files.readText(this.files.handle)) as Running;
    return this.host.processes.isAlive(running) ? running : undefined;
  }

  private async start(words: [string, ...string[]], raw: string): Promise<void> {
    const { files, processes } = this.host;
    await files.remove(this.files.log);
    await files.remove(this.files.ready);
    let code: number | null = null;
    const options = { logFile: this.files.log, cgroup: `/asterism/networks/${this.network}`, exited: (exit: number | null) => void (code = exit) };
    const handle = await processes.start(words, options).catch(() => undefined);
    if (handle) await files.write(this.files.handle, JSON.stringify({ ...handle, words, raw } satisfies Running));
    for (const deadline = performance.now() + startMs; ; ) {
      if (handle && (await files.exists(this.files.ready))) return;
      if (!handle || !processes.isAlive(handle) || performance.now() > deadline) break;
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    if (handle) await processes.stop(handle);
    await files.remove(this.files.handle);
    await new Promise((resolve) => setImmediate(resolve)); // its exit is told by now
    const said = (await files.readText(this.files.log).catch(() => '')).trim();
    throw new LxdError('internal', `The DNS and DHCP service exited prematurely: ${code === null ? 'No answer' : `Process exited with non-zero value ${code}`} (${JSON.stringify(said)})`);
  }
}

function rawConfig(wish: BridgeWish): string {
  return `${wish.rawDnsmasq}\n`;
}
