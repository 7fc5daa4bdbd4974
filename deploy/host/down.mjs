// npm run down: stops the servers of a state directory, and its instances where asked.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { api, isReady } from './api.mjs';
import { downOptions, downUsage } from './options.mjs';
import { phase } from './progress.mjs';

const stopWithinMs = 60_000;

async function main() {
  const options = downOptions(process.argv.slice(2));
  if (options.help) return void console.log(downUsage);
  const { stateDir } = options;
  const server = runningServer(stateDir);
  if (!server) {
    if (options.instances) throw new Error(`Asterism is not running on ${stateDir}: start it, then stop its instances with it`);
    return void console.log(`Asterism is not running on ${stateDir}.`);
  }
  if (options.instances && (await isReady(stateDir))) await stopInstances(stateDir);
  await phase('stopping the server', () => stop(server));
  if (!options.instances) console.log('Instances keep running.');
}

async function stopInstances(stateDir) {
  const running = (await api(stateDir, 'GET', '/1.0/instances?recursion=1&all-projects=true')).filter((instance) => instance.status !== 'Stopped');
  if (running.length === 0) return;
  await phase(`stopping ${running.length} instance${running.length === 1 ? '' : 's'}`, () => Promise.all(running.map((instance) => stopInstance(stateDir, instance))));
}

/** Asks first, then forces. */
async function stopInstance(stateDir, { name, project }) {
  const path = `/1.0/instances/${encodeURIComponent(name)}/state?project=${encodeURIComponent(project)}`;
  await api(stateDir, 'PUT', path, { action: 'stop', timeout: 30 }).catch(() => api(stateDir, 'PUT', path, { action: 'stop', force: true }));
}

/** The process that holds the state directory, by its id and start time. */
function runningServer(stateDir) {
  try {
    const [pid, started] = readFileSync(join(stateDir, 'asterism.pid'), 'utf8').trim().split(' ');
    return startTime(pid) === started ? { pid: Number(pid), started } : undefined;
  } catch {
    return undefined;
  }
}

async function stop({ pid, started }) {
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + stopWithinMs;
  while (startTime(pid) === started) {
    if (Date.now() > deadline) throw new Error(`the server (process ${pid}) did not stop within ${stopWithinMs / 1000} s`);
    await sleep(50);
  }
}

/** Clock ticks since boot at which a process started (proc(5)); undefined where there is none, or only its remains. */
function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
