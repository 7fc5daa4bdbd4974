import type { TestServer } from '../servers/server.js';
import type { Options } from './options.js';
import { figure, timed, type Figure } from './percentiles.js';
import { memberName } from './plan.js';
import type { Simulation } from './simulation.js';

const patienceMs = 120_000;
const offlineAfterS = 15;

/** A tenth of the members falls silent at once, as a rack without power does, and comes back. */
export async function memberHealth(server: TestServer, simulation: Simulation, { members }: Options, patience: Record<string, string>): Promise<Figure[]> {
  await server.client.change('PATCH', '/1.0', { config: { 'cluster.offline_threshold': String(offlineAfterS) } });
  const names = Array.from({ length: Math.max(1, Math.floor(members / 10)) }, (_, index) => memberName(index * 10 + 1));
  await simulation.tell('silence', { names });
  const lost = await timed([0], 1, () => until(async () => (await offline(server)) === names.length));
  const marked = await timed([0], 1, () => until(async () => (await warnings(server)) === names.length));
  const reads = await timed(Array.from({ length: 20 }, (_, turn) => turn), 1, () => server.client.get('/1.0/cluster/members?recursion=1'));
  await simulation.tell('wake', { names });
  const back = await timed([0], 1, () => until(async () => (await offline(server)) === 0));
  const resolved = await timed([0], 1, () => until(async () => (await warnings(server)) === 0));
  await server.client.change('PATCH', '/1.0', { config: patience });
  return [
    figure(`${names.length} members are silent: seen after`, lost.samples),
    figure('  and told by warnings', marked.samples),
    figure('members while some are silent', reads.samples),
    figure(`${names.length} members are back: seen after`, back.samples),
    figure('  and their warnings are over', resolved.samples),
  ];
}

async function offline(server: TestServer): Promise<number> {
  return (await server.client.get<{ status: string }[]>('/1.0/cluster/members?recursion=1')).filter(({ status }) => status === 'Offline').length;
}

async function warnings(server: TestServer): Promise<number> {
  return (await server.client.get<{ type: string; status: string }[]>('/1.0/warnings?recursion=1')).filter(({ type, status }) => type === 'Offline cluster member' && status !== 'resolved').length;
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await is())) {
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
