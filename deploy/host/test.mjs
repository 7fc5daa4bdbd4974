// npm test: sets the host up, then runs every suite and adds up what passed. Runs on Node 20 before anything is installed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bin, node, root, setUp } from './setup.mjs';

/** In the order of what fails fastest. A suite's last line that counts is its result. */
const suites = {
  lint: ['npm', ['run', '--silent', 'lint']],
  unit: ['vitest', ['run']],
  api: ['vitest', ['run', '--config', 'test/vitest.config.ts', 'test/api']],
  processes: ['vitest', ['run', '--config', 'test/vitest.config.ts', 'test/api'], { ASTERISM_COMPOSITION: 'processes' }],
  cluster: ['vitest', ['run', '--config', 'test/vitest.config.ts', 'test/cluster/cluster.test.ts']],
  recovery: ['vitest', ['run', '--config', 'test/vitest.config.ts', 'test/recovery']],
  chaos: ['vitest', ['run', '--config', 'test/vitest.config.ts', 'test/chaos']],
  differential: ['node', ['test/dist/differential/run.js']],
};

const counts = { passed: 0, failed: 0, skipped: 0 };

/** Vitest says "Tests  1 failed | 2 passed (3)", the differential runner "3 scripts, 40 steps, 1 differences". */
function count(line) {
  const steps = /(\d+) steps, (\d+) differences/.exec(line);
  if (steps) return { passed: steps[1] - steps[2], failed: Number(steps[2]), skipped: 0 };
  const number = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: number('passed'), failed: number('failed'), skipped: number('skipped') };
}

function run(name) {
  const [command, args, env = {}] = suites[name];
  console.log(`\n== ${name}`);
  const started = Date.now();
  return new Promise((resolve) => {
    const child = spawn(command === 'node' ? node() : command, args, {
      cwd: root,
      env: { ...process.env, ...env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: '1', CI: 'true' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let last = '';
    let partial = '';
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk);
      const lines = (partial + chunk).split('\n');
      partial = lines.pop();
      last = lines.findLast((line) => /^\s*Tests\s/.test(line) || /\d+ steps, \d+ differences$/.test(line)) ?? last;
    });
    child.on('error', (error) => {
      console.log(`${name}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code) => {
      const counted = last ? count(last) : { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
      if (code !== 0 && counted.failed === 0) counted.failed = 1;
      for (const key of Object.keys(counts)) counts[key] += counted[key];
      console.log(`-- ${name}: ${counted.passed} passed, ${counted.failed} failed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
      resolve(code);
    });
  });
}

async function main() {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !(name in suites));
  if (unknown) throw new Error(`unknown suite "${unknown}": one of ${Object.keys(suites).join(', ')}`);
  if (process.getuid() !== 0) throw new Error('the tests make containers, bridges and file systems: run them as root');
  setUp(['host', 'processes', 'tests']);
  if (!existsSync(join(bin, 'vitest'))) throw new Error('npm brought no vitest: remove node_modules and try again');
  const failed = [];
  for (const name of wanted.length > 0 ? wanted : Object.keys(suites)) if ((await run(name)) !== 0) failed.push(name);
  if (failed.length > 0) console.log(`\nfailed: ${failed.join(', ')}`);
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
