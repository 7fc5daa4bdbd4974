import { createInterface } from 'node:readline';
import { UnixClient } from '../http/client.js';
import type { Membership } from '@asterism/service';
import { loadedInstance, memberAddress } from './plan.js';
import { SimulatedMember } from './simulated-member.js';

/**
 * The process that all simulated members share: `node simulator.js <socket of the API>`. Commands are lines of JSON on its input, each answered by one
 * line on its output.
 */
export interface Commands {
  /** Members of these numbers and names are accepted by their tokens. */
  join(wish: { members: { number: number; name: string }[]; versions: { server_version: string; api_extensions: number } }): Promise<object>;
  /** They serve, and say that they are there. */
  start(wish: { names: string[] }): Promise<object>;
  /** Loaded instances of these numbers lie on their members. */
  adopt(wish: { seed: string; from: number; to: number; members: number; pool: string }): Promise<object>;
  silence(wish: { names: string[] }): Promise<object>;
  wake(wish: { names: string[] }): Promise<object>;
  report(): Promise<Report>;
}

export interface Report {
  members: number;
  instances: number;
  running: number;
  memoryMiB: number;
  heartbeats: number[];
  lost: number;
}

const joinAtOnce = 8;
const startAtOnce = 20;
const client = new UnixClient(process.argv[2]!);
const members = new Map<string, SimulatedMember>();

const commands: Commands = {
  async join({ members: wanted, versions }) {
    await inTurns(joinAtOnce, wanted, async ({ number, name }) => {
      const token = await client.json<{ metadata: Record<string, unknown> }>('POST', '/1.0/cluster/members', { server_name: name });
      if (token.type === 'error') throw new Error(token.error);
      const password = Buffer.from(JSON.stringify({ server_name: name, ...selected(token.metadata.metadata) })).toString('base64');
      const asked = { server_name: name, server_address: memberAddress(number), password, architecture: 'x86_64', ...versions, member_config: [] };
      const accepted = await client.json<Membership>('POST', '/internal/cluster/accept', asked);
      if (accepted.type === 'error') throw new Error(`${name}: ${accepted.error}`);
      members.set(name, new SimulatedMember(accepted.metadata));
    });
    return {};
  },

  async start({ names }) {
    await inTurns(startAtOnce, names, (name) => members.get(name)!.start());
    return {};
  },

  async adopt({ seed, from, to, members: count, pool }) {
    for (let index = from; index < to; index++) {
      const { id, project, name, member, running } = loadedInstance(seed, index, count);
      const { host } = members.get(member)!;
      host.keep(id, { project, name }, running);
      host.snapshots(pool, 'container', project === 'default' ? name : `${project}_${name}`);
    }
    return {};
  },

  async silence({ names }) {
    await Promise.all(names.map((name) => members.get(name)!.fallSilent()));
    return {};
  },

  async wake({ names }) {
    await Promise.all(names.map((name) => members.get(name)!.comeBack()));
    return {};
  },

  async report() {
    const all = [...members.values()];
    const instances = all.flatMap(({ host }) => [...host.instances.values()]);
    const heartbeats = all.flatMap((member) => member.heartbeats.splice(0));
    const lost = all.reduce((sum, member) => sum + member.lost, 0);
    return { members: all.length, instances: instances.length, running: instances.filter(({ status }) => status === 'Running').length, memoryMiB: process.memoryUsage.rss() / 2 ** 20, heartbeats, lost };
  },
};

/** What a join token says of its operation, in the words of LXD's ClusterMemberJoinToken. */
function selected({ addresses, expiresAt, fingerprint, secret }: Record<string, unknown>): object {
  return { addresses, expires_at: expiresAt, fingerprint, secret };
}

async function inTurns<T>(atOnce: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, wish } = JSON.parse(line) as { id: number; command: keyof Commands; wish: never };
  const answer = await commands[command](wish).then(
    (value) => ({ id, value }),
    (error: unknown) => ({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit();
