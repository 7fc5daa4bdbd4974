import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../servers/server.js';
import { joiningKinds } from './joining.js';
import { openKitchen } from './kitchen.js';
import { full, ownPlans, seeded, some, type Plan } from './plans.js';
import { imageRecipes } from './recipes/images.js';
import { instanceRecipes } from './recipes/instances.js';
import type { Kitchen } from './recipes/recipe.js';
import { storageRecipes } from './recipes/storage.js';
import { describedKind, failPointsOf, mortal, runPlan } from './run-plan.js';

const seed = Number(process.env['ASTERISM_CHAOS_SEED'] ?? 1);
const random = seeded(seed);
const kindsInShort = 14;
/** They need a cluster. */
const elsewhere = ['member.evacuate', 'member.restore'];
const recipes = { ...instanceRecipes, ...storageRecipes, ...imageRecipes };

let server: TestServer;
let kitchen: Kitchen;
beforeAll(async () => {
  server = await TestServer.start(mortal);
  kitchen = await openKitchen(server);
});
afterAll(() => server?.remove());

let runs = 0;
const passedBy = new Set<string>();

/** The first recipe that comes by the plan's points. */
async function run(kind: string, plan: Plan): Promise<string[]> {
  for (const [index, recipe] of (recipes[kind] ?? []).entries()) {
    const first = `${kind} ${index} ${plan.armed[0]!.point}`;
    if (passedBy.has(first)) continue;
    const found = await runPlan(kitchen, kind, recipe, plan, `x${++runs}`);
    if (found !== 'not reached') return found;
    if (plan.armed.length === 1) passedBy.add(first);
  }
  return ['no recipe comes by these points'];
}

describe('a server that dies at a step', () => {
  it('is tried with every kind of operation there is', () => {
    expect([...Object.keys(recipes), ...joiningKinds, ...elsewhere].sort()).toEqual(readdirSync(join(failPointsOf(server), 'kinds')).sort());
  });

  it.each(full ? Object.keys(recipes) : some(Object.keys(recipes), kindsInShort, random))('brings %s to its right end, once, and database and host agree', async (kind) => {
    const wrong: Record<string, string[]> = {};
    const plans = ownPlans(describedKind(server, kind), random);
    for (const plan of plans) {
      const problems = await run(kind, plan).catch((error: unknown) => [`${error instanceof Error ? error.message : String(error)}`]);
      if (problems.length > 0) wrong[plan.title] = problems;
    }
    if (full) console.log(`${kind}: ${plans.length} plans, ${Object.keys(wrong).length} wrong ${JSON.stringify(wrong, null, 1)}`);
    expect(wrong, `seed ${seed}`).toEqual({});
  }, 600_000);
});
