import { setDefaults, writeMaterial } from '../differential/defaults.js';
import { lxd } from '../oracle/lxd.js';
import { asterism, inProcesses, unrecorded } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import type { ServerKind } from '../servers/server.js';
import { median } from './bench.js';
import type { Bench } from './bench.js';
import { api } from './benches/api.js';
import { backups } from './benches/backups.js';
import { durability } from './benches/durability.js';
import { exec } from './benches/exec.js';
import { files } from './benches/files.js';
import { images } from './benches/images.js';
import { lifecycle } from './benches/lifecycle.js';
import { list, manyRunning } from './benches/lists.js';
import { afterwards, fresh } from './benches/process.js';
import { processes } from './benches/processes.js';
import { promptness } from './benches/promptness.js';
import { snapshots } from './benches/snapshots.js';
import { row, tableHead } from './table.js';

/**
 * `npm run bench [-- options] [group ...]` measures the reference and Asterism in turns and prints medians and their ratio.
 * Groups: api list-200 list-1000 list-running empty launch start exec files images snapshots backups-dir backups-btrfs promptness memory idle restart durability processes.
 * --self measures the reference against itself (the noise); --quick takes a third of the samples.
 */
const options = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('--')));
const groups = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const all = [...fresh, ...api, ...lifecycle, ...exec, ...files, ...images, ...snapshots, ...backups, ...promptness, ...list, ...afterwards, manyRunning, ...durability, ...processes];
const unknown = groups.filter((group) => !all.some((bench) => bench.group === group));
if (unknown.length > 0) throw new Error(`no such group: ${unknown.join(', ')}; there are ${[...new Set(all.map((bench) => bench.group))].join(' ')}`);

type Pair = readonly [TestServer, TestServer];

let pair: Pair | undefined;
let besides: Bench['beside'];
let ready = false;

/** The servers a bench compares; those of the bench before go when it wants others. */
async function pairFor({ beside }: Bench): Promise<Pair> {
  if (pair && besides === beside) return pair;
  await removePair();
  besides = beside;
  ready = false;
  const own = options.has('--self') ? lxd : asterism;
  const [left, right] = { unrecorded: [unrecorded, asterism], standalone: [asterism, inProcesses], reference: [lxd, own] }[beside ?? 'reference'] as [ServerKind, ServerKind];
  pair = [await TestServer.start(left), await TestServer.start(right)];
  return pair;
}

async function removePair(): Promise<void> {
  for (const server of pair ?? []) await server.remove();
  pair = undefined;
}

/** The fresh servers are measured before anything is made in them. */
async function makeReady(servers: Pair): Promise<void> {
  if (ready) return;
  ready = true;
  for (const server of servers) {
    await writeMaterial(server);
    await setDefaults(server);
    await server.client.change('POST', '/1.0/storage-pools', { name: 'fast', driver: 'btrfs', config: { size: '3GiB' } });
  }
}

async function measure(bench: Bench, pair: Pair): Promise<readonly [number, number]> {
  for (const server of pair) await bench.prepare?.(server);
  for (let index = 0; index < (bench.warmUps ?? 1); index++) for (const server of pair) await bench.sample(server);
  const samples: [number[], number[]] = [[], []];
  const repetitions = options.has('--quick') ? Math.ceil(bench.repetitions / 3) : bench.repetitions;
  for (let index = 0; index < repetitions; index++) {
    for (const side of index % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) samples[side].push(await bench.sample(pair[side]));
  }
  for (const server of pair) await bench.clean?.(server);
  return [median(samples[0]), median(samples[1])];
}

/** A bench that hangs is given up; what it left may disturb those of its group. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`not done within ${milliseconds / 1000} s`)), milliseconds)));
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

console.log(tableHead);
let missed = 0;
for (const bench of all) {
  if (groups.length > 0 && !groups.includes(bench.group)) continue;
  const servers = await pairFor(bench);
  if (!fresh.includes(bench)) await makeReady(servers);
  try {
    const { text, met } = row(bench, await within(180_000, measure(bench, servers)));
    console.log(text);
    if (!met) missed++;
  } catch (error) {
    missed++;
    console.log(`${bench.name}: could not be measured: ${error instanceof Error ? error.message : String(error)}`);
  }
}
await removePair();
console.log(missed === 0 ? 'every aim is met' : `${missed} aims are not met`);
process.exit();
