import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IncomingHttpHeaders } from 'node:http';
import type { TestServer } from '../servers/server.js';
import { normaliseJson, normaliseText } from './normalise.js';
import type { Script, Step } from './script.js';

const shownHeaders = ['content-type', 'location', 'etag', 'content-disposition', 'x-lxd-type', 'x-lxd-mode', 'x-lxd-uid', 'x-lxd-gid', 'allow'];

/** One script running on one server. */
export class Run {
  #saved: Record<string, string> = {};
  #hidden: { pattern: RegExp; replacement: string }[] = [];
  #last: unknown;

  constructor(readonly server: TestServer, readonly script: Script) {}

  /** What the step shows, ready to be compared; undefined when it shows nothing. */
  async step(step: Step): Promise<string | undefined> {
    const shown = await this.#perform(step);
    if (shown === undefined) return undefined;
    let text = normaliseText(shown, { directories: { work: this.server.work, state: this.server.stateDirectory } });
    for (const { pattern, replacement } of this.#hidden) text = text.replace(pattern, replacement);
    return text;
  }

  async #perform(step: Step): Promise<string | undefined> {
    switch (step.kind) {
      case 'shell':
        return await this.#shell(this.#filled(step.command), step.sorted);
      case 'quiet':
        await this.server.shell(this.#filled(step.command));
        return undefined;
      case 'wait':
        return await this.#wait(this.#filled(step.command));
      case 'request':
        return await this.#request(step);
      case 'operation':
        return await this.#operation();
      case 'save':
        this.#saved[step.name] = String(step.field.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], this.#last));
        return undefined;
      case 'exchange':
        return undefined;
      case 'hide':
        this.#hidden.push(step);
        return undefined;
      case 'restart':
      case 'kill':
        await this.server.end(step.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
        await this.server.launch();
        return undefined;
    }
  }

  async #shell(command: string, sorted: boolean): Promise<string> {
    const { stdout, stderr, code } = await this.server.shell(command, { timeoutMs: 90_000 });
    const lines = withoutProgress(stdout).split('\n');
    if (sorted) lines.sort();
    const errors = withoutProgress(stderr);
    return [lines.join('\n').trimEnd(), ...(errors === '' ? [] : [`stderr: ${errors}`]), ...(code === 0 ? [] : [`exit: ${code}`])].join('\n');
  }

  async #wait(command: string): Promise<string | undefined> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const { code, stderr } = await this.server.shell(command, { timeoutMs: 20_000 });
      if (code === 0) return undefined;
      if (Date.now() > deadline) return `waited in vain: ${stderr}`;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #request(step: Step & { kind: 'request' }): Promise<string> {
    const source = step.body === undefined ? undefined : this.#filled(step.body);
    const body = source?.startsWith('@') ? readFileSync(join(this.server.work, source.slice(1))) : source;
    const headers = { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...mapValues(step.headers, (value) => this.#filled(value)) };
    const answer = await this.server.client.send({ method: step.method, path: this.#filled(step.path), headers, body });
    return this.#answer(answer.status, answer.headers, answer.body);
  }

  #answer(status: number, headers: IncomingHttpHeaders, body: Buffer): string {
    const lines = [`HTTP ${status}`];
    for (const name of shownHeaders) {
      if (headers[name] !== undefined) lines.push(`${name}: ${name === 'etag' ? '<etag>' : String(headers[name])}`);
    }
    this.#last = undefined;
    try {
      this.#last = JSON.parse(body.toString());
      if (headers.etag !== undefined) (this.#last as Record<string, unknown>)['etag'] = headers.etag;
    } catch {
      lines.push(body.includes(0) ? `<${body.length} bytes>` : body.toString());
      return lines.join('\n');
    }
    const { etag: _, ...shown } = this.#last as Record<string, unknown>;
    if (status === 202) forgetProgress(shown);
    lines.push(JSON.stringify(normaliseJson(Array.isArray(this.#last) ? this.#last : shown), null, 2));
    return lines.join('\n');
  }

  async #operation(): Promise<string> {
    const operation = (this.#last as { operation?: string } | undefined)?.operation;
    if (!operation) return 'no operation was opened';
    const answer = await this.server.client.send({ path: `${operation}/wait?timeout=60` });
    return this.#answer(answer.status, answer.headers, answer.body);
  }

  #filled(text: string): string {
    return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => this.#saved[name] ?? whole);
  }
}

/** How far an operation has come when it is first shown is chance; `@operation` shows the end. */
function forgetProgress(answer: Record<string, unknown>): void {
  const operation = answer['metadata'] as Record<string, unknown> | null;
  if (operation === null) return;
  answer['metadata'] = { ...operation, status: '<status>', status_code: '<status>', err: '<error>', metadata: operation['class'] === 'websocket' ? operation['metadata'] : '<metadata>' };
}

/** What a terminal would show at the end: progress lines overwrite themselves with a carriage return. */
function withoutProgress(text: string): string {
  return text
    // What script(1) shows of the end of its input.
    .replace(/\^[@D](\x08+)?/g, '')
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.split('\r').map((part) => part.trimEnd()).filter((part) => part !== '' && !/^(Retrieving image|Transferring|Remapping|Exporting|Importing|Copying|Image (pulled|import)|Pushing|Pulling|Creating backup|Backing up instance:|Backing up storage volume:|Publishing instance: )/.test(part)).join('\n'))
    .filter((line, index, all) => line !== '' || index < all.length - 1)
    .join('\n')
    .replace(/\n{2,}/g, '\n')
    .trim();
}

function mapValues(record: Record<string, string>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
