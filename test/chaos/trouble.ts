import { setTimeout as sleep } from 'node:timers/promises';
import { newest } from '../api/listening.js';
import type { TestServer } from '../servers/server.js';
import { disagreements } from './agreement.js';
import { endsOf, startLoad } from './load.js';
import { seeded } from './plans.js';
import { journalSince, misheard, Subscriber } from './subscriber.js';

/** What a client is told while something is wrong: done, refused for good reason, or to come again. */
export const honest = [200, 201, 202, 400, 404, 409, 503];

/** Operations fail for what their client asked for, not for what went wrong behind them. */
const notTheClient = /cannot be reached|no room left|too many clients|could not|terminating|interrupted/i;

/** A load goes on while something is wrong: afterwards nothing that was accepted is lost, and everything is told once. Answers what is not so. */
export async function throughTrouble(server: TestServer, trouble: () => Promise<void>, { seed = 7, mayFail = /^$/ }: { seed?: number; mayFail?: RegExp } = {}): Promise<string[]> {
  const since = await newest(server.client);
  const subscriber = new Subscriber(server, since, seeded(seed));
  const load = startLoad(server.client, seed);
  await sleep(300);
  await trouble();
  await sleep(300);
  await load.stop();
  const ends = await endsOf(server.client, load.accepted);
  const problems = ends.filter(({ status }) => status !== 'Success' && status !== 'Failure').map(({ action, status, error }) => `${action} is ${status}: ${error}`);
  problems.push(...(await disagreements(server)));
  await subscriber.stop();
  problems.push(...misheard(subscriber.seen, await journalSince(server.client, since)).slice(0, 10));
  problems.push(...[...load.answers.keys()].filter((told) => / 5\d\d ./.test(told)));
  problems.push(...ends.filter(({ status, error }) => status === 'Failure' && notTheClient.test(error) && !mayFail.test(error)).map(({ action, error }) => `${action}: ${error}`));
  console.log(`seed ${seed}: ${load.accepted.length} accepted, ${ends.filter(({ status }) => status === 'Success').length} done`);
  return problems;
}
