import { disagreements } from '../chaos/agreement.js';
import { setDefaults, writeMaterial } from '../differential/defaults.js';
import { asterism } from '../servers/asterism.js';
import { TestServer } from '../servers/server.js';
import { Load, standing } from './load.js';
import { usageByKind, type Usage } from './processes.js';
import { ageBeyondRetention, rowsByTable } from './tables.js';
import { verdict, type Sample } from './trend.js';

/**
 * `npm run soak [-- --minutes N]`: a standalone under mixed load for N minutes (20). Every half minute the load pauses, and memory and descriptors of
 * every process are noted; at the end tells how they grow (trend.ts says what is flat), whether database and host
 * agree, and whether the tables hold nothing but what retention keeps.
 */
const minutes = Number(process.argv[process.argv.indexOf('--minutes') + 1] || 20) || 20;
const everyMs = Math.min(30_000, (minutes * 60_000) / 20);
const memoryLimits = { share: 0.1, spare: 8 };
/** Of what comes and goes with the load a few may be there at one time and not at another. */
const descriptorLimits = { share: 0.05, spare: 6 };

const problems: string[] = [];
const usages: { seconds: number; kinds: Map<string, Usage> }[] = [];
const server = await TestServer.start(asterism);
try {
  await writeMaterial(server);
  await setDefaults(server);
  await standing(server);
  await atRest();
  const before = await rowsByTable(server);
  const load = new Load(server);
  const started = performance.now();
  while (performance.now() - started < minutes * 60_000) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    await load.paused(async () => {
      await atRest();
      usages.push({ seconds: (performance.now() - started) / 1000, kinds: usageByKind(server.host.processes()) });
    });
    const { seconds, kinds } = usages.at(-1)!;
    console.log(`${(seconds / 60).toFixed(1).padStart(5)} min  ${[...kinds].map(([kind, { count, memory, descriptors }]) => `${count} ${kind} ${memory.toFixed(1)} MiB ${descriptors.toFixed(0)} fds`).join(', ')}`);
  }
  await load.stop();
  console.log(`\nturns: ${[...load.done].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  for (const failure of load.failures.slice(0, 10)) problems.push(`one of ${load.failures.length} turns that failed: ${failure}`);
  for (const sentence of await disagreements(server)) problems.push(`database and host disagree: ${sentence}`);
  tellTrends();
  await tellTables(before);
} finally {
  await server.remove();
}
for (const problem of problems) console.log(`NOT MET: ${problem}`);
console.log(problems.length === 0 ? 'flat, and nothing is left' : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

/** Connections have closed, answers were taken. */
async function atRest(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3_000));
}

function tellTrends(): void {
  const row = (cells: readonly string[]): string => cells.map((cell, index) => (index === 0 ? cell.padEnd(26) : cell.padStart(14))).join('');
  console.log(`\n${row(['', 'median', 'per hour', 'allowed', ''])}`);
  for (const kind of new Set(usages.flatMap(({ kinds }) => [...kinds.keys()]))) {
    const samples = (value: (usage: Usage) => number): Sample[] => usages.flatMap(({ seconds, kinds }): Sample[] => (kinds.has(kind) ? [[seconds, value(kinds.get(kind)!)]] : []));
    for (const [what, found] of [
      [`${kind}, MiB`, verdict(samples(({ memory }) => memory), memoryLimits)],
      [`${kind}, descriptors`, verdict(samples(({ descriptors }) => descriptors), descriptorLimits)],
      [`${kind}, processes`, verdict(samples(({ count }) => count), descriptorLimits)],
    ] as const) {
      console.log(row([what, found.median.toFixed(1), found.perHour.toFixed(1), found.allowed.toFixed(1), found.flat ? 'flat' : 'GROWS']));
      if (!found.flat) problems.push(`${what}: ${found.perHour.toFixed(1)} more per hour`);
    }
  }
}

/** Once everything that retention keeps has its age, the sweep that runs every minute leaves what was there before. */
async function tellTables(before: ReadonlyMap<string, number>): Promise<void> {
  const loaded = await rowsByTable(server);
  await ageBeyondRetention(server);
  await new Promise((resolve) => setTimeout(resolve, 70_000));
  const after = await rowsByTable(server);
  for (const [table, rows] of after) {
    const [first, most] = [before.get(table) ?? 0, loaded.get(table) ?? 0];
    if (most !== first) console.log(`${table}: ${first} rows, ${most} after the load, ${rows} after retention`);
    if (rows > first) problems.push(`${table} keeps ${rows - first} rows beyond retention`);
  }
}
