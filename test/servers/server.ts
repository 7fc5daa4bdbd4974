import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnixClient } from '../http/client.js';
import type { Captured, CaptureOptions } from './capture.js';
import { childrenOf, IsolatedHost } from './isolated-host.js';

/** How to run one server; everything else is the same for every server under test. */
export interface ServerKind {
  name: string;
  command(stateDirectory: string): string[];
  env(stateDirectory: string): Record<string, string>;
  /** Its command mounts something on the state directory, which only its host sees. */
  mounts?: true;
}

/** One server with a state directory on an isolated host. It may be killed and started again while the host and its containers stay. */
export class TestServer {
  readonly client: UnixClient;
  #process: ChildProcess | undefined;

  private constructor(readonly kind: ServerKind, readonly host: IsolatedHost) {
    this.client = new UnixClient(this.socket);
  }

  static async start(kind: ServerKind): Promise<TestServer> {
    const server = new TestServer(kind, await IsolatedHost.start(kind.name));
    try {
      await server.launch();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  get stateDirectory(): string {
    return join(this.host.directory, 'state');
  }

  get socket(): string {
    const path = join(this.stateDirectory, 'unix.socket');
    return this.kind.mounts ? `/proc/${this.host.pid}/root${path}` : path;
  }

  /** Where its scripts run; also the home of its clients. */
  get work(): string {
    return join(this.host.directory, 'home');
  }

  get log(): string {
    return readFileSync(join(this.host.directory, 'server.log'), 'utf8');
  }

  /** The real host's pid of the server itself. */
  get pid(): number {
    const pid = this.#process?.pid === undefined ? undefined : childrenOf(this.#process.pid)[0];
    if (pid === undefined) throw new Error(`${this.kind.name} is not running:\n${this.log.slice(-4000)}`);
    return pid;
  }

  /** Starts the process and returns when it answers `GET /internal/ready`. */
  async launch(): Promise<void> {
    const log = openSync(join(this.host.directory, 'server.log'), 'a');
    const [file, ...args] = this.host.inside(this.kind.command(this.stateDirectory));
    const child = spawn(file ?? '', args, { env: { ...process.env, ...this.kind.env(this.stateDirectory) }, stdio: ['ignore', log, log], detached: true, cwd: this.work });
    closeSync(log);
    this.#process = child;
    await this.ready();
  }

  async ready(timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (this.#process && this.#process.exitCode !== null) throw new Error(`${this.kind.name} ended with ${this.#process.exitCode}:\n${this.log.slice(-4000)}`);
      const answer = existsSync(this.socket) ? await this.client.send({ path: '/internal/ready' }).catch(() => undefined) : undefined;
      if (answer?.status === 200) return;
      if (Date.now() > deadline) throw new Error(`${this.kind.name} is not ready after ${timeoutMs} ms:\n${this.log.slice(-4000)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Ends the server process only; its instances stay. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => (child.exitCode !== null || child.signalCode !== null ? resolve() : child.once('exit', () => resolve())));
    process.kill(this.pid, signal);
    await gone;
    this.#process = undefined;
  }

  /** After a process of it died by itself: starts what nobody else starts again, and returns when it answers. */
  async back(): Promise<void> {
    const child = this.#process;
    const gone = child === undefined ? Promise.resolve() : new Promise<void>((resolve) => (child.exitCode !== null || child.signalCode !== null ? resolve() : child.once('exit', () => resolve())));
    if (process.env['ASTERISM_COMPOSITION'] === 'processes') return await this.ready();
    await gone;
    await this.launch();
  }

  /** Kills the server with everything it consists of, the database too; its instances stay. */
  async crash(): Promise<void> {
    await this.end('SIGKILL');
    await this.shell(`cut -d' ' -f1 ${join(this.stateDirectory, 'processes', 'pids')} 2>/dev/null | xargs -r kill -9`);
  }

  /** Runs a shell command on the server's host as its local administrator, with `LXD_DIR` and a client configuration of its own. */
  async shell(script: string, options: CaptureOptions = {}): Promise<Captured> {
    return await this.host.run(['sh', '-c', script], { cwd: this.work, ...options, env: { LXD_DIR: this.stateDirectory, LXD_CONF: join(this.work, '.config'), HOME: this.work, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...options.env } });
  }

  /** Ends everything and removes every trace. */
  async remove(): Promise<void> {
    this.client.close();
    await this.host.stop();
  }
}
