import { randomUUID } from 'node:crypto';
import { createConnection } from 'node:net';
import { launch, exec } from '../api/scenario.js';
import { listen } from '../api/listening.js';
import type { TestServer } from '../servers/server.js';

/** One thing that users do, from its beginning to its end: nothing is left of it. */
type Turn = (server: TestServer, name: string) => Promise<void>;

/** What runs all the time beside the turns: an instance with a proxy device, one of which snapshots are made, and one that is stopped and has a snapshot. */
export async function standing({ client }: TestServer): Promise<void> {
  await launch(client, 'photographed');
  await launch(client, 'up', { devices: { web: { type: 'proxy', listen: 'tcp:127.0.0.1:4000', connect: 'tcp:127.0.0.1:4001' } } });
  await exec(client, 'up', ['sh', '-c', 'while true; do echo hello | nc -l -p 4001 -s 127.0.0.1; done >/dev/null 2>&1 </dev/null &']);
  await client.change('POST', '/1.0/instances', { name: 'down', source: { type: 'image', alias: 'busybox' } });
  await client.change('POST', '/1.0/instances/down/snapshots', { name: 's' });
}

export const turns: Readonly<Record<string, Turn>> = {
  async life({ client }, name) {
    await launch(client, name);
    await exec(client, name, ['true']);
    await client.change('PUT', `/1.0/instances/${name}/state`, { action: 'restart', force: true });
    await client.change('PATCH', `/1.0/instances/${name}`, { config: { 'limits.memory': '64MiB' } });
    await client.change('PUT', `/1.0/instances/${name}/state`, { action: 'freeze' });
    await client.change('PUT', `/1.0/instances/${name}/state`, { action: 'stop', force: true });
    await client.change('DELETE', `/1.0/instances/${name}`);
  },
  async snapshots({ client }, name) {
    const snapshots = '/1.0/instances/photographed/snapshots';
    await client.change('POST', snapshots, { name });
    await client.change('POST', `${snapshots}/${name}`, { name: `${name}-b` });
    await client.change('DELETE', `${snapshots}/${name}-b`);
  },
  async copies({ client }, name) {
    await client.change('POST', '/1.0/instances', { name, profiles: ['default'], source: { type: 'copy', source: 'down' } });
    await client.change('POST', `/1.0/instances/${name}`, { name: `${name}-b` });
    await client.change('DELETE', `/1.0/instances/${name}-b`);
  },
  async backups({ client }, name) {
    await client.change('POST', '/1.0/instances/down/backups', { name, compression_algorithm: 'none' });
    const { body } = await client.send({ path: `/1.0/instances/down/backups/${name}/export` });
    await client.change('DELETE', `/1.0/instances/down/backups/${name}`);
    const headers = { 'Content-Type': 'application/octet-stream', 'X-LXD-name': name };
    const answer = await client.send({ method: 'POST', path: '/1.0/instances', headers, body });
    await client.wait((JSON.parse(answer.body.toString()) as { operation: string }).operation);
    await client.change('DELETE', `/1.0/instances/${name}`);
  },
  async files({ client }, name) {
    const path = `/1.0/instances/up/files?path=/root/${name}`;
    await client.send({ method: 'POST', path, headers: { 'Content-Type': 'application/octet-stream', 'X-LXD-type': 'file' }, body: Buffer.alloc(200_000, 'x') });
    await client.send({ path });
    await client.send({ method: 'DELETE', path });
    await exec(client, 'up', ['sh', '-c', `echo ${name}`]);
  },
  async settings({ client }, name) {
    await client.change('POST', '/1.0/projects', { name, config: { 'features.images': 'false' } });
    await client.change('POST', `/1.0/profiles?project=${name}`, { name: 'p' });
    await client.change('DELETE', `/1.0/profiles/p?project=${name}`);
    await client.change('DELETE', `/1.0/projects/${name}`);
    await client.change('POST', '/1.0/storage-pools/default/volumes/custom', { name });
    await client.change('DELETE', `/1.0/storage-pools/default/volumes/custom/${name}`);
    await client.json('POST', '/1.0/profiles', { name }, { 'Idempotency-Key': randomUUID() });
    await client.change('DELETE', `/1.0/profiles/${name}`);
  },
  async networks({ client }, name) {
    await client.change('POST', '/1.0/networks', { name: name.slice(0, 15), config: { 'ipv4.address': '10.211.77.1/24', 'ipv6.address': 'none' } });
    await client.change('DELETE', `/1.0/networks/${name.slice(0, 15)}`);
  },
  async devices({ client }, name) {
    const listen = `unix:@${name}`;
    const { devices } = await client.get<{ devices: Record<string, Record<string, string>> }>('/1.0/instances/up');
    await client.change('PATCH', '/1.0/instances/up', { devices: { [name]: { type: 'proxy', listen, connect: 'tcp:127.0.0.1:4001' } } });
    const { config, profiles } = await client.get<{ config: object; profiles: string[] }>('/1.0/instances/up');
    await client.change('PUT', '/1.0/instances/up', { config, profiles, devices });
  },
  async reads(server) {
    const { client } = server;
    for (const path of ['/1.0', '/1.0/instances?recursion=2', '/1.0/instances/up/state', '/1.0/networks?recursion=1', '/1.0/operations?recursion=1', '/1.0/storage-pools/default/resources', '/1.0/metrics', '/1.0/warnings?recursion=1', '/1.0/networks/lxdbr0/leases', '/1.0/nothing']) {
      await client.send({ path });
    }
    await server.shell('for i in 1 2 3; do timeout 2 nc 127.0.0.1 4000 </dev/null >/dev/null; done');
  },
  async listeners(server) {
    const listening = Array.from({ length: 5 }, (_, index) => listen(server, index % 2 === 0 ? '' : 'since=' + String(Number.MAX_SAFE_INTEGER)));
    await Promise.allSettled(listening.map(({ open }) => open));
    // And clients that vanish in the middle of what they asked.
    const client = createConnection({ path: server.socket });
    client.on('error', () => undefined).write('GET /1.0/events HTTP/1.1\r\nHost: lxd\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.destroy();
    for (const { close } of listening) close();
  },
};

/** Pauses that let the machine do something else, too. */
const pauseMs = 150;

/** Turns of every kind beside each other, until it is stopped; paused, nothing is under way. */
export class Load {
  readonly done = new Map<string, number>();
  readonly failures: string[] = [];
  #stopped = false;
  #gate = Promise.resolve();
  #open: () => void = () => undefined;
  readonly #loops: Promise<void>[];
  readonly #busy = new Set<string>();

  constructor(private readonly server: TestServer) {
    this.#loops = Object.entries(turns).map(([kind, turn], index) => this.#loop(kind, turn, index));
  }

  /** Runs `work` while nothing is under way. */
  async paused<T>(work: () => Promise<T>): Promise<T> {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
    while (this.#busy.size > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    try {
      return await work();
    } finally {
      this.#open();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  async #loop(kind: string, turn: Turn, index: number): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      await this.#gate;
      this.#busy.add(kind);
      await turn(this.server, `${kind.slice(0, 3)}${index}-${round}`).then(
        () => this.done.set(kind, (this.done.get(kind) ?? 0) + 1),
        (error: unknown) => this.failures.push(`${kind} ${round}: ${error instanceof Error ? error.message : String(error)}`),
      );
      this.#busy.delete(kind);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
