import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lxd } from '../oracle/lxd.js';
import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import type { ServerKind } from '../servers/server.js';
import { accepted } from './accepted.js';
import type { Accepted } from './accepted.js';
import { setDefaults, writeMaterial } from './defaults.js';
import { diffLines, showDiff } from './diff.js';
import { reset } from './reset.js';
import { Run } from './runner.js';
import { restrictionScripts } from '../restrictions/script.js';
import { describeStep, parseScript } from './script.js';
import type { Script } from './script.js';

/**
 * `npm run test:differential [-- options] [script ...]` runs the scripts on the reference server and on Asterism.
 * The matrix of restrictions gives `restrictions-1` and on.
 * --self compares two reference servers (proves the normaliser); --verbose shows what both sides print; --slow names steps of more than two seconds.
 */
const options = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('--')));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const scriptDirectory = join(import.meta.dirname, '../../differential/scripts');

type Pair = [TestServer, TestServer];
const kinds: [ServerKind, ServerKind] = [lxd, options.has('--self') ? lxd : asterism];
const used = new Set<Accepted>();

async function startPair(how: (kind: ServerKind) => ServerKind = (kind) => kind): Promise<Pair> {
  const pair = await Promise.all(kinds.map(async (kind) => await TestServer.start(how(kind))));
  await Promise.all(pair.map(writeMaterial));
  return pair as Pair;
}

/** Servers of the script's own; undefined where it takes those that all share. */
async function ownPair(script: Script): Promise<Pair | undefined> {
  if (script.fresh) return await startPair();
  if (!script.unmapped) return undefined;
  const pair = await startPair(withoutIdmappedMounts);
  await Promise.all(pair.map(setDefaults));
  return pair;
}

function withoutIdmappedMounts(kind: ServerKind): ServerKind {
  return { ...kind, env: (stateDirectory) => ({ ...kind.env(stateDirectory), LXD_IDMAPPED_MOUNTS_DISABLE: '1', ASTERISM_IDMAPPED_MOUNTS_DISABLE: '1' }) };
}

/** Servers with the defaults, made again when a reset fails. */
let shared: Pair | undefined;

async function sharedPair(): Promise<Pair> {
  if (shared) return shared;
  shared = await startPair();
  await Promise.all(shared.map(setDefaults));
  return shared;
}

async function removePair(pair: Pair): Promise<void> {
  await Promise.all(pair.map(async (server) => await server.remove()));
}

async function settleShared(pair: Pair): Promise<void> {
  try {
    await Promise.all(pair.map(reset));
  } catch (error) {
    console.log(`    (new servers: ${error instanceof Error ? error.message : String(error)})`);
    shared = undefined;
    await removePair(pair);
  }
}

/** Longer than the slowest script takes on a busy machine; what hangs is cut off there. */
const scriptLimitMs = 3 * 60_000;

/** A script that differs runs again on new servers: what the machine's load did to one run is no difference of the servers. */
const attempts = 3;

async function runPatiently(script: Script): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const differences = await runBounded(script);
    if (differences === 0 || attempt === attempts) return differences;
    console.log(`  ${script.name}: again, on new servers`);
    await forgetShared();
  }
}

async function runBounded(script: Script): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => (timer = setTimeout(() => reject(new Error(`no end within ${scriptLimitMs / 1000} s`)), scriptLimitMs)));
  try {
    return await Promise.race([runScript(script), limit]);
  } catch (error) {
    console.log(`  ${script.name} could not be run: ${String(error)}`);
    await forgetShared();
    return script.steps.length;
  } finally {
    clearTimeout(timer);
  }
}

async function forgetShared(): Promise<void> {
  const pair = shared;
  shared = undefined;
  if (pair) await removePair(pair);
}

/** Number of differing steps that nobody accepted. */
async function runScript(script: Script): Promise<number> {
  const own = await ownPair(script);
  const pair = own ?? (await sharedPair());
  const runs = pair.map((server) => new Run(server, script));
  let differences = 0;
  for (const step of script.steps) {
    const begun = performance.now();
    if (step.kind === 'exchange') exchangeFiles(pair, step.file);
    const shown = await Promise.all(runs.map(async (run) => await run.step(step).catch((error: unknown) => `the step failed: ${String(error)}`)));
    const [left = '', right = ''] = shown;
    if (options.has('--verbose') && left !== '') console.log(`  ${describeStep(step)}\n${left.replace(/^/gm, '    | ')}`);
    if (options.has('--slow') && performance.now() - begun > 2000) console.log(`  ${((performance.now() - begun) / 1000).toFixed(1)} s  ${describeStep(step)}`);
    const changed = diffLines(left.split('\n'), right.split('\n'));
    const open = changed.filter((line) => line.sign !== ' ' && !isAccepted(script.name, describeStep(step), line.text));
    if (open.length === 0) continue;
    differences++;
    console.log(`  ${script.name}:${step.line}  ${describeStep(step)}\n${showDiff(changed)}`);
  }
  if (own) await removePair(own);
  else await settleShared(pair);
  return differences;
}

/** What one server made is the other's to take. */
function exchangeFiles([left, right]: Pair, file: string): void {
  for (const [from, to] of [[left, right], [right, left]] as const) copyFileSync(join(from.work, file), join(to.work, `other-${file}`));
}

function isAccepted(script: string, step: string, line: string): boolean {
  const entry = accepted.find((one) => (one.script === undefined || one.script === script || script.startsWith(`${one.script}-`)) && (one.step === undefined || step.includes(one.step)) && one.line.test(line));
  if (entry) used.add(entry);
  return entry !== undefined;
}

const written = readdirSync(scriptDirectory).filter((file) => file.endsWith('.script')).map((file) => parseScript(file.slice(0, -'.script'.length), readFileSync(join(scriptDirectory, file), 'utf8')));
const all = [...written, ...restrictionScripts()];
const unknown = wanted.filter((name) => !all.some((script) => script.name === name));
if (unknown.length > 0) throw new Error(`no such script: ${unknown.join(', ')}`);
const scripts = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const totals: { name: string; steps: number; differences: number }[] = [];
for (const script of scripts) {
  const started = performance.now();
  const differences = await runPatiently(script);
  totals.push({ name: script.name, steps: script.steps.length, differences });
  console.log(`${differences === 0 ? 'same  ' : 'DIFFER'} ${script.name}: ${script.steps.length} steps, ${differences} different, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
await forgetShared();
const open = totals.reduce((sum, one) => sum + one.differences, 0);
if (wanted.length === 0 && !options.has('--self')) for (const entry of accepted.filter((one) => !used.has(one))) console.log(`accepted but not seen: ${entry.script ?? 'any script'} ${String(entry.line)}`);
console.log(`${totals.length} scripts, ${totals.reduce((sum, one) => sum + one.steps, 0)} steps, ${open} differences`);
process.exitCode = open === 0 ? 0 : 1;
