import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginCluster, type Member } from '../cluster/members.js';
import { TestServer } from '../servers/server.js';
import { Switch } from '../servers/switch.js';
import { joiningKinds, runEnabling, runHindered, runJoining } from './joining.js';
import { full, ownPlans, seeded, type Kind, type Plan } from './plans.js';
import { describedKind, mortal } from './run-plan.js';

const seed = Number(process.env['ASTERISM_CHAOS_SEED'] ?? 1);
const random = seeded(seed);

let lan: Switch;
let first: Member;
const kinds = new Map<string, Kind>();
beforeAll(async () => {
  const told = await TestServer.start(mortal);
  for (const kind of joiningKinds) kinds.set(kind, describedKind(told, kind));
  await told.remove();
  lan = await Switch.start();
  first = await beginCluster(lan, 'm1');
}, 300_000);
afterAll(async () => {
  await first?.server.remove();
  await lan?.stop();
});

let hosts = 0;
const runs: Record<string, (plan: Plan) => Promise<string[]>> = {
  'cluster.enable': runEnabling,
  'cluster.join': (plan) => runJoining(plan, lan, first, `h${++hosts}`),
};

describe('a host that dies at a step', () => {
  it.each(joiningKinds)('of %s is in the cluster or alone, as it should', async (kind) => {
    const wrong: Record<string, string[]> = {};
    const plans = ownPlans(kinds.get(kind)!, random);
    for (const plan of plans) {
      const problems = await runs[kind]!(plan).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
      if (problems.length > 0) wrong[plan.title] = problems;
    }
    if (full) console.log(`${kind}: ${plans.length} plans, ${Object.keys(wrong).length} wrong ${JSON.stringify(wrong, null, 1)}`);
    expect(wrong, `seed ${seed}`).toEqual({});
  }, 900_000);
});

describe('a host whose address is taken', () => {
  it.runIf(full)('cannot join, and goes on as it was', async () => {
    expect(await runHindered(lan, first, `h${++hosts}`)).toEqual([]);
  }, 240_000);
});
