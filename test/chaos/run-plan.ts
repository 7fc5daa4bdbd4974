import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newest } from '../api/listening.js';
import type { Operation, UnixClient } from '../http/client.js';
import { asterism } from '../servers/asterism.js';
import type { ServerKind, TestServer } from '../servers/server.js';
import type { Kind, Plan } from './plans.js';
import { send, type Place, type Recipe } from './recipes/recipe.js';

/** However slow the machine is. */
const patienceMs = 120_000;

/** A server that tells its fail points and dies at those that are armed. */
export const mortal: ServerKind = { ...asterism, env: (state) => ({ ...asterism.env(state), ASTERISM_FAIL_POINTS: join(state, 'fail-points') }) };

export function failPointsOf(server: TestServer): string {
  return join(server.stateDirectory, 'fail-points');
}

export function describedKind(server: TestServer, kind: string): Kind {
  return JSON.parse(readFileSync(join(failPointsOf(server), 'kinds', kind), 'utf8')) as Kind;
}

/** What is wrong after a plan, a sentence each; 'not reached' where the recipe does not come by its points. */
export async function runPlan<K extends Place>(kitchen: K, kind: string, recipe: Recipe<K>, plan: Plan, name: string): Promise<string[] | 'not reached'> {
  const { server, client } = kitchen;
  const lifecycle = plan.ends === 'done' ? await lifecycleOf(kitchen, recipe, `${name}r`) : undefined;
  await recipe.prepare?.(kitchen, name);
  const before = await recipe.look(kitchen, name);
  const since = await quiet(client);
  const request = await recipe.request(name, kitchen);
  request.headers = { ...request.headers, 'Idempotency-Key': randomUUID() };
  arm(server, kind, plan);
  const first = await send(client, request).catch(() => undefined);
  const reached = await comeTrue(server, first);
  if (!reached) writeFileSync(join(failPointsOf(server), 'armed'), '');
  const killed = reached && plan.armed.some(({ action }) => action === 'kill');
  if (killed) await server.back();
  // The same request again answers what the first one did, or would have.
  const answer = first && !first.operation && !killed ? first : await patiently(() => send(client, request));
  const problems: string[] = [];
  if (first?.operation && first.operation !== answer.operation) problems.push(`operation ${first.operation} is ${answer.operation} when asked again`);
  const ended = answer.operation ? await endOf(client, answer.operation) : { ok: answer.status < 300, told: `${answer.status} ${answer.error}` };
  const after = await recipe.look(kitchen, name);
  if (!isRight(recipe, plan, { before, after, ok: ended.ok, reached })) problems.push(`ended ${ended.told}; there is ${JSON.stringify(after)}, before ${JSON.stringify(before)}`);
  problems.push(...(await kitchen.disagreements()));
  const told = await lifecycleSince(client, since, name);
  if (lifecycle && reached && !recipe.mayFail && told.join('\n') !== lifecycle.join('\n')) problems.push(`events: ${told.join(', ')} instead of ${lifecycle.join(', ')}`);
  if (problems.length > 0) return problems;
  await recipe.clean(kitchen, name);
  return reached ? [] : 'not reached';
}

/** A call that answers at once and was cut off is made again when it is sent again: then it is done. */
function isRight<K extends Place>(recipe: Recipe<K>, plan: Plan, { before, after, ok, reached }: { before: string; after: string; ok: boolean; reached: boolean }): boolean {
  if (ok) return after === recipe.done && (plan.ends === 'done' || !reached || recipe.answersAtOnce === true);
  if (recipe.mayFail) return after === before || after === recipe.done;
  return plan.ends === 'undone' && [before, ...(recipe.halfway ?? [])].includes(after);
}

export async function endOf(client: UnixClient, operation: string): Promise<{ ok: boolean; told: string }> {
  const { metadata } = await patiently(() => client.json<Operation>('GET', `${operation}/wait?timeout=${patienceMs / 1000}`));
  return { ok: metadata.status_code === 200, told: `"${metadata.status}" ${metadata.err}` };
}

export function arm(server: TestServer, kind: string, plan: Plan): void {
  const path = join(failPointsOf(server), 'armed');
  writeFileSync(`${path}.test`, plan.armed.map(({ point, action }) => `${kind}\t${point}\t${action}\n`).join(''));
  renameSync(`${path}.test`, path);
}

/** Whether all that was armed has come true; false when the operation ended without it. */
export async function comeTrue(server: TestServer, first: { status: number; operation: string } | undefined): Promise<boolean> {
  const armed = (): boolean => existsSync(join(failPointsOf(server), 'armed')) && readFileSync(join(failPointsOf(server), 'armed'), 'utf8') !== '';
  const deadline = Date.now() + patienceMs;
  for (let endedAt = first && !first.operation ? Date.now() : 0; armed(); await sleep(20)) {
    if (endedAt > 0 && Date.now() > endedAt + 1_000) return false;
    if (Date.now() > deadline) return false;
    if (endedAt > 0 || !first) continue;
    const answer = await server.client.json<Operation>('GET', first.operation).catch(() => undefined);
    if (answer?.http === 200 && answer.metadata.status_code >= 200) endedAt = Date.now();
  }
  return true;
}

const lifecycles = new Map<object, string[]>();

/** The lifecycle events of the operation when nothing goes wrong, seen once for each recipe. */
async function lifecycleOf<K extends Place>(kitchen: K, recipe: Recipe<K>, name: string): Promise<string[]> {
  const known = lifecycles.get(recipe) ?? (await undisturbed(kitchen, recipe, name));
  lifecycles.set(recipe, known);
  return known;
}

async function undisturbed<K extends Place>(kitchen: K, recipe: Recipe<K>, name: string): Promise<string[]> {
  await recipe.prepare?.(kitchen, name);
  const since = await quiet(kitchen.client);
  const { operation } = await send(kitchen.client, await recipe.request(name, kitchen));
  if (operation) await kitchen.client.wait(operation);
  const after = await recipe.look(kitchen, name);
  if (after !== recipe.done) throw new Error(`the recipe is wrong: there is ${JSON.stringify(after)}, not ${JSON.stringify(recipe.done)}`);
  await quiet(kitchen.client);
  const told = await lifecycleSince(kitchen.client, since, name);
  await recipe.clean(kitchen, name);
  return told;
}

/** The journal's newest cursor, once nothing more comes. */
async function quiet(client: UnixClient): Promise<number> {
  for (let last = -1; ; await sleep(100)) {
    const cursor = await newest(client);
    if (cursor === last) return cursor;
    last = cursor;
  }
}

async function lifecycleSince(client: UnixClient, since: number, name: string): Promise<string[]> {
  const { metadata } = await client.json<{ type: string; metadata: { action: string; source: string } }[]>('GET', `/1.0/events?since=${since}&all-projects=true`);
  return metadata
    .filter(({ type }) => type === 'lifecycle')
    .map(({ metadata: { action, source } }) => `${action} ${source.replaceAll(name, '<name>').replaceAll(/[0-9a-f]{64}/g, '<fingerprint>').replaceAll(/[0-9a-f-]{36}/g, '<id>')}`)
    .sort();
}

/** Again while the server, or one behind it, is away. */
export async function patiently<T extends { status?: unknown; http?: number }>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await work().catch((error: unknown) => error as Error);
    const away = answer instanceof Error || (answer.http ?? Number(answer.status)) === 503;
    if (!away) return answer as T;
    if (Date.now() > deadline) throw answer instanceof Error ? answer : new Error('the server stays away');
    await sleep(200);
  }
}
