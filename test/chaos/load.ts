import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation, UnixClient } from '../http/client.js';
import { patiently } from './run-plan.js';
import { json, send } from './recipes/recipe.js';
import { seeded } from './plans.js';

/** A request that was answered with an operation. */
export interface Accepted {
  action: string;
  operation: string;
}

export interface Load {
  accepted: Accepted[];
  /** How many requests were answered how, e.g. "create 202". */
  answers: Map<string, number>;
  /** Lets what is on its way be answered, and asks for no more. */
  stop(): Promise<void>;
}

type Request = ReturnType<typeof json>;

const instance = (name: string): string => `/1.0/instances/${name}`;
const volumes = '/1.0/storage-pools/default/volumes/custom';
const state = (name: string, action: string): Request => json('PUT', `${instance(name)}/state`, { action, force: true, timeout: 20 });

/** Weighted; most names are not there or not in the state that is needed, and the refusal is as good an answer. */
const actions: [weight: number, action: string, request: (name: string, other: string, index: number, chance: number) => Request][] = [
  [5, 'create', (name, _, __, chance) => json('POST', '/1.0/instances', { name, source: { type: 'image', alias: 'busybox' }, devices: chance < 0.4 ? { root: { type: 'disk', path: '/', pool: 'loop' } } : {} })],
  [5, 'start', (name) => state(name, 'start')],
  [3, 'stop', (name) => state(name, 'stop')],
  [1, 'restart', (name) => state(name, 'restart')],
  [3, 'exec', (name) => json('POST', `${instance(name)}/exec`, { command: ['sh', '-c', 'sleep 0.1'], 'wait-for-websocket': false, interactive: false })],
  [3, 'snapshot', (name, _, index) => json('POST', `${instance(name)}/snapshots`, { name: `s${index % 2}` })],
  [1, 'snapshot-delete', (name, _, index) => json('DELETE', `${instance(name)}/snapshots/s${index % 2}`)],
  [2, 'copy', (name, other) => json('POST', '/1.0/instances', { name, profiles: ['default'], source: { type: 'copy', source: other, instance_only: true } })],
  [2, 'backup', (name, _, index) => json('POST', `${instance(name)}/backups`, { name: `b${index % 2}`, compression_algorithm: 'none' })],
  [1, 'backup-delete', (name, _, index) => json('DELETE', `${instance(name)}/backups/b${index % 2}`)],
  [1, 'update', (name, _, index) => json('PATCH', instance(name), { config: { 'user.index': `${index}` } })],
  [4, 'delete', (name) => json('DELETE', instance(name))],
  [1, 'volume', (name) => json('POST', volumes, { name })],
  [1, 'volume-snapshot', (name, _, index) => json('POST', `${volumes}/${name}/snapshots`, { name: `s${index % 2}` })],
  [1, 'volume-delete', (name) => json('DELETE', `${volumes}/${name}`)],
];
const weights = actions.reduce((sum, [weight]) => sum + weight, 0);
const names = ['ant', 'bee', 'cat', 'dog', 'elk', 'fox'];
const mostRequests = 400;

/** Several at once ask for whatever the seed says. A request that was cut off is sent again with its key until it is answered. */
export function startLoad(client: UnixClient, seed: number, workers = 4): Load {
  const load: Pick<Load, 'accepted' | 'answers'> = { accepted: [], answers: new Map() };
  let stopped = false;
  const work = async (worker: number): Promise<void> => {
    const random = seeded(seed * 100 + worker);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    for (let index = 0; index < mostRequests && !stopped; index++) {
      let weight = random() * weights;
      const [, action, make] = actions.find(([own]) => (weight -= own) < 0)!;
      const request = make(pick(names), pick(names), index, random());
      request.headers = { ...request.headers, 'Idempotency-Key': randomUUID() };
      const answer = await patiently(() => send(client, request));
      const told = `${action} ${answer.status}`;
      load.answers.set(told, (load.answers.get(told) ?? 0) + 1);
      if (answer.status >= 500) load.answers.set(`${told} ${answer.error}`, 1);
      if (answer.operation) load.accepted.push({ action, operation: answer.operation });
      await sleep(random() * 60);
    }
  };
  const done = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  done.catch(() => undefined);
  return {
    ...load,
    async stop() {
      stopped = true;
      await done;
    },
  };
}

export interface Ended extends Accepted {
  status: string;
  error: string;
}

/** How every accepted operation ended, asked through the API. */
export async function endsOf(client: UnixClient, accepted: readonly Accepted[]): Promise<Ended[]> {
  return Promise.all(
    accepted.map(async (one) => {
      const { metadata, error } = await patiently(() => client.json<Operation | null>('GET', `${one.operation}/wait?timeout=120`));
      return { ...one, status: metadata?.status ?? 'unknown', error: metadata?.err ?? error };
    }),
  );
}
