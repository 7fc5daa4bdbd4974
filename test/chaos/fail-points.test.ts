import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import { openKitchen } from './kitchen.js';
import { plansOf, seeded, some, type Plan } from './plans.js';
import { imageRecipes } from './recipes/images.js';
import { instanceRecipes } from './recipes/instances.js';
import type { Kitchen } from './recipes/recipe.js';
import { storageRecipes } from './recipes/storage.js';
import { describedKind, failPointsOf, runPlan } from './run-plan.js';

/** Every plan of every kind with ASTERISM_CHAOS=full, else one of each of some kinds. `ASTERISM_CHAOS_SEED` chooses others. */
const full = process.env['ASTERISM_CHAOS'] === 'full';
const seed = Number(process.env['ASTERISM_CHAOS_SEED'] ?? 1);
const random = seeded(seed);
const kindsInShort = 14;
/** They change the server for good, so that it is of no use to the others, or need a cluster. */
const elsewhere = ['cluster.enable', 'cluster.join', 'member.evacuate', 'member.restore'];
const recipes = { ...instanceRecipes, ...storageRecipes, ...imageRecipes };

let server: TestServer;
let kitchen: Kitchen;
beforeAll(async () => {
  server = await TestServer.start({ ...asterism, env: (state) => ({ ...asterism.env(state), ASTERISM_FAIL_POINTS: join(state, 'fail-points') }) });
  kitchen = await openKitchen(server);
});
afterAll(() => server?.remove());

let runs = 0;

/** The first recipe that comes by the plan's points. */
async function run(kind: string, plan: Plan): Promise<string[]> {
  for (const recipe of recipes[kind] ?? []) {
    const found = await runPlan(kitchen, kind, recipe, plan, `x${++runs}`);
    if (found !== 'not reached') return found;
  }
  return ['no recipe comes by these points'];
}

describe('a server that dies at a step', () => {
  it('is tried with every kind of operation there is', () => {
    expect([...Object.keys(recipes), ...elsewhere].sort()).toEqual(readdirSync(join(failPointsOf(server), 'kinds')).sort());
  });

  it.each(full ? Object.keys(recipes) : some(Object.keys(recipes), kindsInShort, random))('brings %s to its right end, once, and database and host agree', async (kind) => {
    const plans = plansOf(describedKind(server, kind));
    const wrong: Record<string, string[]> = {};
    for (const plan of full ? plans : some(plans, 1, random)) {
      const problems = await run(kind, plan);
      if (problems.length > 0) wrong[plan.title] = problems;
    }
    expect(wrong, `seed ${seed}`).toEqual({});
  }, 600_000);
});
