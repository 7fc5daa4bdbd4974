import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, startHost, type Member } from '../cluster/members.js';
import { TestServer } from '../servers/server.js';
import type { Switch } from '../servers/switch.js';
import { disagreements } from './agreement.js';
import type { Plan } from './plans.js';
import { json, send } from './recipes/recipe.js';
import { arm, comeTrue, endOf, failPointsOf, mortal, patiently } from './run-plan.js';

/** They change a server for good, so that each plan has a host of its own. */
export const joiningKinds = ['cluster.enable', 'cluster.join'];

const patienceMs = 150_000;

type Opened = Awaited<ReturnType<typeof send>>;

interface Cut {
  first: Opened | undefined;
  again(): Promise<Opened>;
}

/** Sends a request to a server that dies as planned, and brings it back. */
async function cutOff(server: TestServer, kind: string, plan: Plan, body: object): Promise<Cut> {
  const request = { ...json('PUT', '/1.0/cluster', body) };
  request.headers = { ...request.headers, 'Idempotency-Key': randomUUID() };
  arm(server, kind, plan);
  const first = await send(server.client, request).catch(() => undefined);
  const reached = await comeTrue(server, first);
  if (!reached) throw new Error(`these points were not reached: ${first?.error || (await endOf(server.client, first?.operation ?? '')).told}`);
  writeFileSync(join(failPointsOf(server), 'armed'), '');
  if (plan.armed.some(({ action }) => action === 'kill')) await server.back();
  return { first, again: () => patiently(() => send(server.client, request)) };
}

async function isClustered({ client }: TestServer): Promise<boolean> {
  return (await client.get<{ enabled: boolean }>('/1.0/cluster')).enabled;
}

/** A host alone becomes a cluster, or does not. */
export async function runEnabling(plan: Plan): Promise<string[]> {
  const server = await TestServer.start(mortal);
  try {
    await server.client.change('PATCH', '/1.0', { config: { 'core.https_address': '127.0.0.1:8443' } });
    const { again } = await cutOff(server, 'cluster.enable', plan, { server_name: 'm1', enabled: true });
    const { ok, told } = await endOf(server.client, (await again()).operation);
    const right = [ok, await isClustered(server)].every((is) => is === (plan.ends === 'done'));
    return [...(right ? [] : [`ended ${told}`]), ...(await disagreements(server))];
  } finally {
    await server.remove();
  }
}

/** A host joins a cluster, or stays alone and may join later. */
export async function runJoining(plan: Plan, lan: Switch, first: Member, name: string): Promise<string[]> {
  const host = await furnished(lan, name);
  try {
    const { first: answer, again } = await cutOff(host.server, 'cluster.join', plan, await joining(first, host));
    if (plan.ends === 'done') return await joined(first, host);
    const { ok, told } = await endOf(host.server.client, (answer?.operation ? answer : await again()).operation);
    const stays = !ok && !(await isClustered(host.server)) && !(await statusOf(first, name));
    if (!stays) return [`ended ${told}; in the cluster it is ${await statusOf(first, name)}`];
    const left = await disagreements(host.server);
    if (left.length > 0) return left;
    await host.server.client.change('PUT', '/1.0/cluster', await joining(first, host));
    return await joined(first, host);
  } finally {
    await host.server.remove();
    if (await statusOf(first, name)) await first.lxc(`cluster remove ${name} --force --yes`);
  }
}

/** Somebody else has the address of the host's agent: it cannot join, and goes on as it was. */
export async function runHindered(lan: Switch, first: Member, name: string): Promise<string[]> {
  const host = await furnished(lan, name);
  const { client } = host.server;
  const [file, ...args] = host.server.host.inside([process.execPath, '-e', `require('node:net').createServer().listen(8444, '${host.address}')`]);
  const somebody = spawn(file ?? '', args, { stdio: 'ignore' });
  try {
    const refused = await client.change('PUT', '/1.0/cluster', await joining(first, host)).then(() => 'nothing', (error: Error) => error.message);
    const alone = !(await isClustered(host.server)) && !(await statusOf(first, name));
    const served = await host.server.shell(`curl -sk https://${host.address}:8443/1.0`);
    return [
      ...(refused.includes('EADDRINUSE') ? [] : [`it was refused for ${refused}`]),
      ...(alone ? [] : ['it is in the cluster']),
      ...(served.stdout.includes('"api_version":"1.0"') ? [] : [`its API answers ${served.stdout}${served.stderr}`]),
      ...(await disagreements(host.server)),
    ];
  } finally {
    somebody.kill();
    await host.server.remove();
  }
}

async function furnished(lan: Switch, name: string): Promise<Member> {
  const host = await startHost(lan, name, mortal);
  await host.server.client.change('POST', '/1.0/storage-pools', { name: 'default', driver: 'dir' });
  await host.server.client.change('POST', '/1.0/networks', { name: 'lxdbr0', config: { 'ipv4.address': '10.211.9.1/24', 'ipv6.address': 'none' } });
  return host;
}

async function joining(first: Member, { name, address }: Member): Promise<object> {
  const { metadata } = await first.server.client.json<{ environment: { certificate: string } }>('GET', '/1.0');
  const token = (await first.lxc(`cluster add ${name} --quiet`)).trim().split('\n').at(-1)!;
  return { enabled: true, server_name: name, server_address: `${address}:8443`, cluster_address: `${first.address}:8443`, cluster_certificate: metadata.environment.certificate, cluster_password: token };
}

/** What the cluster says of a member; undefined where it knows none. */
async function statusOf(first: Member, name: string): Promise<string | undefined> {
  const members = await first.server.client.get<{ server_name: string; status: string }[]>('/1.0/cluster/members?recursion=1');
  return members.find(({ server_name }) => server_name === name)?.status;
}

async function joined(first: Member, { name, server }: Member): Promise<string[]> {
  const wishes: Record<string, () => Promise<boolean>> = {
    'the host serves the cluster': () => isClustered(server),
    'the cluster has it online': async () => (await statusOf(first, name)) === 'Online',
    'the bridge of the cluster is there': async () => (await server.shell('ip -4 -br address show lxdbr0')).stdout.includes('10.211.9.1/24'),
    'nothing is left of its own database': async () => !existsSync(join(server.stateDirectory, 'database')),
  };
  for (const [what, is] of Object.entries(wishes)) {
    const given = await eventually(what, () => is().catch(() => false), patienceMs).then(() => undefined, (error: Error) => error.message);
    if (given !== undefined) return [given];
  }
  return [];
}
