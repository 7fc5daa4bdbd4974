import type { TestServer } from '../servers/server.js';
import { createEmpty, deleteInstance } from '../bench/instances.js';
import { figure, timed, type Figure } from './percentiles.js';
import { limitedProject, loadedInstance, memberName } from './plan.js';
import type { Options } from './options.js';

const atOnce = 8;

/** Makes instances through the API, without contents: where there is room, or on simulated members in turn. */
export async function create(server: TestServer, names: readonly string[], { label, members }: { label: string; members?: number }): Promise<Figure> {
  const targets = new Map(names.map((name, index) => [name, members === undefined ? '' : memberName((index % members) + 1)]));
  const { samples, tookMs } = await timed(names, atOnce, (name) => createEmpty(server, name, targets.get(name)));
  return figure(label, samples, tookMs);
}

export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** Starts, stops and deletes what `create` made. */
export async function changeStates(server: TestServer, names: readonly string[]): Promise<Figure[]> {
  const state = (action: string) => (name: string) => server.client.change('PUT', `/1.0/instances/${name}/state`, { action, force: true, timeout: 30 });
  const figures: Figure[] = [];
  for (const [label, work] of [
    ['start', state('start')],
    ['stop', state('stop')],
    ['delete', (name: string) => deleteInstance(server, name)],
  ] as const) {
    const { samples, tookMs } = await timed(names, atOnce, work);
    figures.push(figure(`${label}, ${atOnce} at once`, samples, tookMs));
  }
  return figures;
}

/** An answer that is as it should be. */
interface Read {
  name: string;
  path: (turn: number) => string;
  repetitions: number;
  /** Entries that the answer must have. */
  entries?: number;
  project?: string;
}

/** Reads of a server that has nothing else to do. */
export async function reads(server: TestServer, { seed, members, instances, created }: Options, loaded: { from: number; to: number }): Promise<Figure[]> {
  const some = (turn: number) => loadedInstance(seed, loaded.from + ((turn * 7919) % Math.max(1, loaded.to - loaded.from)), members);
  const named = (turn: number): { name: string; project: string } => (loaded.to > loaded.from ? some(turn) : { name: `created-${(turn * 31) % created}`, project: 'default' });
  const page = Math.min(1000, instances);
  const wanted: Read[] = [
    { name: 'members, with all they have', path: () => '/1.0/cluster/members?recursion=1', repetitions: 30, entries: members + 1 },
    { name: 'one member', path: (turn) => `/1.0/cluster/members/m${String((turn % members) + 1).padStart(4, '0')}`, repetitions: 200 },
    { name: 'one instance by name', path: (turn) => `/1.0/instances/${named(turn).name}?project=${named(turn).project}`, repetitions: 500 },
    { name: 'state of one instance', path: (turn) => `/1.0/instances/${named(turn).name}/state?project=${named(turn).project}`, repetitions: 300 },
    { name: 'filter by name', path: (turn) => `/1.0/instances?recursion=1&project=${named(turn).project}&filter=name+eq+${named(turn).name}`, repetitions: 100, entries: 1 },
    { name: `page of ${page}, recursion 1`, path: () => `/1.0/instances?recursion=1&limit=${page}&all-projects=true`, repetitions: 40, entries: page },
    { name: `page of ${page}, recursion 0`, path: () => `/1.0/instances?limit=${page}&all-projects=true`, repetitions: 40, entries: page },
    { name: `page of ${page}, recursion 2`, path: () => `/1.0/instances?recursion=2&limit=${page}&all-projects=true`, repetitions: 10, entries: page },
    { name: 'all instances, recursion 0', path: () => '/1.0/instances?all-projects=true', repetitions: 5, entries: instances },
    { name: 'all instances, recursion 1', path: () => '/1.0/instances?recursion=1&all-projects=true', repetitions: 3, entries: instances },
    { name: 'all instances, filter by status', path: () => '/1.0/instances?all-projects=true&filter=status+eq+stopped', repetitions: 3 },
    { name: 'all instances, recursion 2', path: () => '/1.0/instances?recursion=2&all-projects=true', repetitions: 1, entries: instances },
    { name: 'the default profile', path: () => '/1.0/profiles/default', repetitions: 3 },
    { name: 'pools', path: () => '/1.0/storage-pools?recursion=1', repetitions: 3 },
    { name: 'projects', path: () => '/1.0/projects?recursion=1', repetitions: 3 },
    { name: 'metrics of all that run', path: () => '/1.0/metrics', repetitions: 3 },
    { name: 'use of a project with limits', path: () => `/1.0/projects/${limitedProject}/state`, repetitions: 5 },
  ];
  const figures: Figure[] = [];
  for (const { name, path, repetitions, entries } of wanted) {
    const turns = Array.from({ length: repetitions }, (_, turn) => turn);
    const { samples } = await timed(turns, 1, async (turn) => {
      const answer = await server.client.send({ path: path(turn) });
      if (answer.status !== 200) throw new Error(`${path(turn)}: ${answer.status} ${answer.body.toString().slice(0, 300)}`);
      const found = entries === undefined || turn > 0 ? entries : (JSON.parse(answer.body.toString()) as { metadata: unknown[] }).metadata.length;
      if (found !== entries) throw new Error(`${path(turn)}: ${found} of ${entries}`);
    });
    figures.push(figure(name, samples));
  }
  return figures;
}
