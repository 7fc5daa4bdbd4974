import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Captured } from '../servers/capture.js';
import type { IsolatedHost } from '../servers/isolated-host.js';

/** One of the programs a Kubernetes consists of; it ends with its host. */
export class Daemon {
  #process: ChildProcess | undefined;

  constructor(
    readonly name: string,
    private readonly host: IsolatedHost,
    private readonly logs: string,
    private readonly bin: string,
  ) {}

  /** Returns when the probe succeeds. */
  async start(args: string[], probe: () => Promise<Captured>, timeoutMs = 120_000): Promise<void> {
    const log = openSync(this.#log, 'a');
    const own = join(this.bin, this.name);
    const [file, ...line] = this.host.inside([existsSync(own) ? own : this.name, ...args]);
    this.#process = spawn(file ?? '', line, { stdio: ['ignore', log, log], detached: true, env: { ...process.env, PATH: `${this.bin}:${process.env['PATH']}` } });
    closeSync(log);
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`${this.name} ended with ${this.#process.exitCode}:\n${this.tail(30)}`);
      const answer = await probe();
      if (answer.code === 0) return;
      if (Date.now() > deadline) throw new Error(`${this.name} is not ready after ${timeoutMs / 1000} s: ${answer.stderr}\n${this.tail(30)}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  tail(lines: number): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : '';
  }

  get #log(): string {
    return join(this.logs, `${this.name}.log`);
  }
}
