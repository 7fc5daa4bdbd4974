import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import { loadRows } from './load-rows.js';
import { changeStates, create, numbered, reads } from './measure.js';
import { memberHealth } from './member-health.js';
import { MemoryWatch } from './memory.js';
import type { Options } from './options.js';
import { figure, shown, timed, type Figure } from './percentiles.js';
import { limitedProject, memberName } from './plan.js';
import { Simulation } from './simulation.js';

/** Reads that have an aim, milliseconds at p50. */
const aims: Readonly<Record<string, number>> = { 'one instance by name': 10, 'page of 1000, recursion 1': 100 };
const pool = 'default';
/** A machine that has other work may stop all of this for a while; no member is away then. */
const patience = { 'cluster.offline_threshold': '300' };

/** Answers whether every aim is met. `print` hears of each line, the figures as JSON last. */
export async function measureScale(options: Options, print: (line: string) => void): Promise<boolean> {
  const started = performance.now();
  const server = await TestServer.start(asterism);
  const memory = new MemoryWatch(server);
  const simulation = Simulation.start(server);
  const figures: Figure[] = [];
  const note = (...more: Figure[]): void => {
    figures.push(...more);
    for (const each of more) print(shown(each));
  };
  const phase = (name: string): void => {
    const { nowMiB, databaseMiB } = memory.read();
    print(`-- ${((performance.now() - started) / 1000).toFixed(0)} s, ${nowMiB.toFixed(0)} MiB, database ${databaseMiB.toFixed(0)} MiB, ${memory.processorSeconds().toFixed(0)} s of processor: ${name}`);
  };
  try {
    phase('members join');
    await begin(server);
    const versions = await versionsOf(server);
    const numbers = Array.from({ length: options.members }, (_, index) => index + 1);
    const joins = await timed(batches(numbers, 20), 1, async (batch) => {
      await simulation.tell('join', { members: batch.map((number) => ({ number, name: memberName(number) })), versions });
      if (batch[0]! % 200 === 181) phase(`${batch[0]! + 19} were accepted`);
    });
    note(figure('20 members are accepted', joins.samples));
    phase('members start');
    const starts = await timed(batches(numbers, 20), 1, async (batch) => {
      await simulation.tell('start', { names: batch.map(memberName) });
      if (batch[0]! % 200 === 181) phase(`${batch[0]! + 19} have started`);
    });
    note(figure('20 members start', starts.samples));
    await everybodyOnline(server, options.members + 1);
    const idle = await rest(memory, simulation, Math.min(20, options.rest) * 1000);
    print(idleLine(idle.share));
    note(idle.heartbeat);

    phase(`${options.created} instances are created through the API`);
    note(await create(server, numbered('created', options.created), { label: 'create, 8 at once, from nothing on' }));
    const loaded = { from: options.created, to: options.instances };
    if (loaded.to > loaded.from) {
      phase(`${loaded.to - loaded.from} are written into the database`);
      await loadRows(server, { template: 'created-0', seed: options.seed, ...loaded, members: options.members });
      await simulation.tell('adopt', { seed: options.seed, ...loaded, members: options.members, pool });
    }
    phase('reads');
    note(...(await reads(server, options, loaded)));
    phase('changes');
    const changed = Math.min(400, options.created);
    note(await create(server, numbered('placed', Math.ceil(changed / 4)), { label: 'create, 8 at once, beside all' }));
    note(await create(server, numbered('late', changed), { label: 'create on a member, 8 at once, beside all', members: options.members }));
    note(...(await changeStates(server, numbered('late', changed))));
    if (options.silence) {
      phase('members fall silent and come back');
      note(...(await memberHealth(server, simulation, options, patience)));
    }
    phase('rest');
    const full = await rest(memory, simulation, options.rest * 1000);
    print(idleLine(full.share));
    note(full.heartbeat);
    const { heartbeats: _heartbeats, ...simulated } = await simulation.tell('report');
    const { peakMiB, nowMiB, databaseMiB } = memory.read();
    phase('done');
    const missed = figures.filter(({ name, p50 }) => p50 > (aims[name] ?? Infinity)).map(({ name }) => name);
    if (peakMiB > options.memory) missed.push(`memory of the control plane ${peakMiB.toFixed(0)} MiB`);
    for (const name of missed) print(`NOT MET: ${name}`);
    const rounded = (value: number): number => Number(value.toFixed(2));
    const summary = Object.fromEntries(figures.map(({ name, count, p50, p99, perSecond }) => [name, { count, p50: rounded(p50), p99: rounded(p99), ...(perSecond === undefined ? {} : { perSecond: rounded(perSecond) }) }]));
    print(JSON.stringify({ ...options, seconds: Math.round((performance.now() - started) / 1000), memoryMiB: { now: rounded(nowMiB), peak: rounded(peakMiB), database: rounded(databaseMiB) }, processorAtRest: { withoutInstances: idle.share, withAll: full.share }, simulated: { ...simulated, memoryMiB: rounded(simulated.memoryMiB) }, missed, milliseconds: summary }));
    return missed.length === 0;
  } catch (error) {
    print(server.log.slice(-4000));
    print(error instanceof Error ? (error.stack ?? error.message) : String(error));
    throw error;
  } finally {
    memory.stop();
    await simulation.end();
    await server.remove();
  }
}

/** A first member, which is real and takes nothing by itself, with a pool, a bridge and a profile that every member has. */
async function begin(server: TestServer): Promise<void> {
  const { client } = server;
  await client.change('PATCH', '/1.0', { config: { 'core.https_address': '127.0.0.1:8443', ...patience } });
  await client.change('POST', '/1.0/storage-pools', { name: pool, driver: 'dir' });
  await client.change('POST', '/1.0/networks', { name: 'lxdbr0', config: { 'ipv4.address': '10.211.9.1/24', 'ipv6.address': 'none' } });
  const devices = { root: { type: 'disk', path: '/', pool }, eth0: { type: 'nic', name: 'eth0', network: 'lxdbr0' } };
  await client.change('PUT', '/1.0/profiles/default', { config: {}, description: 'Default LXD profile', devices });
  await client.change('POST', '/1.0/projects', { name: limitedProject, config: { 'features.images': 'false', 'features.profiles': 'false', 'limits.instances': '1000000' } });
  await client.change('PUT', '/1.0/cluster', { server_name: 'first', enabled: true });
  const first = await client.get<{ config: object }>('/1.0/cluster/members/first');
  await client.change('PUT', '/1.0/cluster/members/first', { ...first, config: { 'scheduler.instance': 'manual' } });
}

async function versionsOf(server: TestServer): Promise<{ server_version: string; api_extensions: number }> {
  const { api_extensions, environment } = await server.client.get<{ api_extensions: string[]; environment: { server_version: string } }>('/1.0');
  return { server_version: environment.server_version, api_extensions: api_extensions.length };
}

async function everybodyOnline(server: TestServer, count: number): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt++) {
    const members = await server.client.get<{ status: string }[]>('/1.0/cluster/members?recursion=1');
    if (members.filter(({ status }) => status === 'Online').length === count) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('not every member came online');
}

function idleLine(share: number): string {
  return `   the control plane at rest uses ${(share * 100).toFixed(0)} % of a core`;
}

/** Nobody asks for anything: what heartbeats and looking after cost. */
async function rest(memory: MemoryWatch, simulation: Simulation, ms: number): Promise<{ share: number; heartbeat: Figure }> {
  await simulation.tell('report');
  const before = memory.processorSeconds();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const share = Number((((memory.processorSeconds() - before) * 1000) / ms).toFixed(3));
  return { share, heartbeat: figure('heartbeat of a member, at rest', (await simulation.tell('report')).heartbeats) };
}

function batches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}
