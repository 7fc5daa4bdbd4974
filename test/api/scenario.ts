import { afterAll, beforeAll } from 'vitest';
import { setDefaults, writeMaterial } from '../differential/defaults.js';
import type { Envelope, Operation, UnixClient } from '../http/client.js';
import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';

/** A server with pool, bridge, profile and image for all tests of one file; set before the first of them. */
export function scenario(): { server: TestServer; client: UnixClient; lxc(line: string, stdin?: string): Promise<string> } {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start(asterism);
    await writeMaterial(server);
    await setDefaults(server);
  });
  afterAll(async () => {
    await server?.remove();
  });
  return {
    get server() {
      return server;
    },
    get client() {
      return server.client;
    },
    /** The real client on the server's host; answers what it printed, throws on failure. */
    async lxc(line, stdin) {
      const { code, stdout, stderr } = await server.shell(`lxc ${line}`, stdin === undefined ? {} : { stdin });
      if (code !== 0) throw new Error(`lxc ${line}: exit ${code}: ${stderr}`);
      return stdout;
    },
  };
}

export async function launch(client: UnixClient, name: string, body: object = {}): Promise<void> {
  await client.change('POST', '/1.0/instances', { name, source: { type: 'image', alias: 'busybox' }, ...body });
  await client.change('PUT', `/1.0/instances/${name}/state`, { action: 'start', timeout: 30 });
}

/** Runs a command without sockets; answers exit code and recorded standard output. */
export async function exec(client: UnixClient, name: string, command: string[], body: object = {}): Promise<{ code: unknown; stdout: string }> {
  const opened = await client.json<Operation>('POST', `/1.0/instances/${name}/exec`, { command, 'wait-for-websocket': false, interactive: false, 'record-output': true, ...body });
  const ended = await client.json<Operation>('GET', `${opened.operation}/wait`);
  const output = ended.metadata.metadata?.['output'] as Record<string, string> | undefined;
  const stdout = output?.['1'] ? (await client.send({ path: output['1'] })).body.toString() : '';
  return { code: ended.metadata.metadata?.['return'], stdout };
}

/** An error answer in one line: status of HTTP and the words. */
export function refusal(answer: Envelope & { http: number }): string {
  return `${answer.http} ${answer.error}`;
}
