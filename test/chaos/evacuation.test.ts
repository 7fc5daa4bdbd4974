import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginCluster, join, type Member } from '../cluster/members.js';
import { Switch } from '../servers/switch.js';
import { disagreementsAmong } from './agreement.js';
import { full, ownPlans, seeded, type Plan } from './plans.js';
import { clusterParts, clusterRecipes } from './recipes/cluster.js';
import type { Place } from './recipes/recipe.js';
import { describedKind, mortal, runPlan } from './run-plan.js';

const seed = Number(process.env['ASTERISM_CHAOS_SEED'] ?? 1);
const random = seeded(seed);

let lan: Switch;
const members: Member[] = [];
let place: Place;
beforeAll(async () => {
  if (!full) return;
  lan = await Switch.start();
  members.push(await beginCluster(lan, 'm1', { kind: mortal }));
  members.push(await join(lan, members[0]!, 'm2'));
  const { server } = members[0]!;
  place = { server, client: server.client, disagreements: () => disagreementsAmong(members) };
}, 300_000);
afterAll(async () => {
  for (const { server } of members.reverse()) await server.remove();
  await lan?.stop();
});

let runs = 0;

/** Of a task within an operation the end is not planned: dying there the whole goes on, whatever else happens is for its own plans. */
const ofParts = ({ armed }: Plan): boolean => armed.length === 1 && armed[0]!.action === 'kill';

const tried = Object.keys(clusterRecipes).flatMap((operation) => [{ operation, kind: operation }, ...(full ? (clusterParts[operation] ?? []).map((kind) => ({ operation, kind })) : [])]);

describe.skipIf(!full)('the control plane of a cluster that dies', () => {
  it.each(tried.filter(({ operation }) => full || operation in clusterParts))('at the steps of $kind brings $operation to its right end, and all members agree with it', async ({ operation, kind }) => {
    const wrong: Record<string, string[]> = {};
    const plans = ownPlans(describedKind(place.server, kind), random).filter((plan) => kind === operation || ofParts(plan));
    for (const plan of plans) {
      const recipe = clusterRecipes[operation]!;
      const name = `x${++runs}`;
      const problems = await runPlan(place, kind, recipe, plan, name).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
      if (problems.length === 0) continue;
      wrong[plan.title] = problems === 'not reached' ? ['these points were not reached'] : problems;
      // What comes after it is not to suffer.
      await recipe.clean(place, name).catch(() => undefined);
    }
    if (full) console.log(`${operation}/${kind}: ${plans.length} plans, ${Object.keys(wrong).length} wrong ${JSON.stringify(wrong, null, 1)}`);
    expect(wrong, `seed ${seed}`).toEqual({});
  }, 900_000);
});
