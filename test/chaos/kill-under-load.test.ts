import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newest, type Event } from '../api/listening.js';
import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import { disagreements } from './agreement.js';
import { openKitchen } from './kitchen.js';
import { endsOf, startLoad, type Ended } from './load.js';
import { seeded } from './plans.js';
import { journalSince, misheard, Subscriber } from './subscriber.js';
import { victims, type Victim } from './victims.js';

const full = process.env['ASTERISM_CHAOS'] === 'full';
const seed = Number(process.env['ASTERISM_CHAOS_SEED'] ?? (full ? Date.now() % 1_000_000 : 1));
/** Where the server's log is left when something was wrong. */
const keptLog = process.env['ASTERISM_CHAOS_LOG'];
const kills = full ? 4 : 1;
const acceptedBetween = 12;

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start(asterism);
  await openKitchen(server);
});
afterAll(() => server?.remove());

/** Successful operations of an action, and the lifecycle events that tell of them: as many. */
const toldOnce: Record<string, string[]> = {
  'instance-created': ['create', 'copy'],
  'instance-deleted': ['delete'],
  'instance-snapshot-created': ['snapshot'],
  'instance-snapshot-deleted': ['snapshot-delete'],
  'instance-backup-created': ['backup'],
  'instance-backup-deleted': ['backup-delete'],
  'instance-started': ['start'],
  'instance-restarted': ['restart'],
};

async function underLoad(victim: Victim, number: number): Promise<string[]> {
  const random = seeded(seed + number);
  const since = await newest(server.client);
  const subscriber = new Subscriber(server, since, random);
  const load = startLoad(server.client, seed + number);
  for (let kill = 0; kill < kills; kill++) {
    // Some work on the way each time, but not for long where the last kill still holds it up.
    const enough = load.accepted.length + acceptedBetween;
    for (let waited = 0; waited < 8_000 && load.accepted.length < enough; waited += 50) await sleep(50);
    await sleep(random() * 1_600);
    await victim.kill(server);
  }
  await sleep(500);
  await load.stop();
  const ends = await endsOf(server.client, load.accepted);
  const problems = ends.filter(({ status }) => status !== 'Success' && status !== 'Failure').map(({ action, operation, status, error }) => `${action} ${operation} is ${status}: ${error}`);
  problems.push(...(await disagreements(server)));
  await subscriber.stop();
  const journal = await journalSince(server.client, since);
  problems.push(...misheard(subscriber.seen, journal).slice(0, 10));
  problems.push(...untold(ends, journal.flatMap(({ type, metadata }) => (type === 'lifecycle' ? [metadata.action ?? ''] : []))));
  problems.push(...unasked(ends, journal));
  problems.push(...[...load.answers.keys()].filter((told) => / 5\d\d ./.test(told)).map((told) => `answered ${told}`));
  const failures = new Set(ends.filter(({ status }) => status === 'Failure').map(({ action, error }) => `${action}: ${error}`));
  if (problems.length > 0 && keptLog) writeFileSync(`${keptLog}.${victim.name.replaceAll(' ', '-')}.${seed}`, server.log);
  console.log(`seed ${seed}, ${victim.name}: ${load.accepted.length} accepted, ${ends.filter(({ status }) => status === 'Success').length} done, ${journal.length} events, subscriber cut ${subscriber.cuts} times\n${[...failures, ...problems.map((problem) => `WRONG: ${problem}`)].join('\n')}`);
  return problems;
}

function untold(ends: readonly Ended[], told: readonly string[]): string[] {
  return Object.entries(toldOnce).flatMap(([event, actions]) => {
    const done = ends.filter(({ action, status }) => actions.includes(action) && status === 'Success').length;
    const times = told.filter((action) => action === event).length;
    return done === times ? [] : [`${done} times ${actions.join(' or ')}, ${times} times ${event}`];
  });
}

/** What was done though nobody was ever answered with its operation: a request that was sent again and ran twice. */
function unasked(ends: readonly Ended[], journal: readonly Event[]): string[] {
  const answered = new Set(ends.map(({ operation }) => operation.split('/').at(-1)));
  return journal.flatMap(({ type, metadata: { id, status, description } }) => (type === 'operation' && status === 'Success' && !answered.has(id) ? [`nobody was answered with ${id} "${description}"`] : []));
}

describe('what was accepted under load', () => {
  it.each(victims(full))('has its right end, told once and heard once, though $name is killed', async (victim) => {
    expect(await underLoad(victim, victims(full).indexOf(victim)), `seed ${seed}`).toEqual([]);
  }, 240_000);
});
