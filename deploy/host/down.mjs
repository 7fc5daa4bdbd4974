// npm run down: stops the servers of a state directory, and its instances where asked.
import { join } from 'node:path';
import { api, isReady } from './api.mjs';
import { downOptions, downUsage } from './options.mjs';
import { ended, running } from './process-id.mjs';
import { phase } from './progress.mjs';

const stopWithinMs = 60_000;

async function main() {
  const options = downOptions(process.argv.slice(2));
  if (options.help) return void console.log(downUsage);
  const { stateDir } = options;
  const [server] = running(join(stateDir, 'asterism.pid'));
  if (!server) {
    await stopLeftOver(stateDir);
    if (options.instances) throw new Error(`Asterism is not running on ${stateDir}: start it, then stop its instances with it`);
    return void console.log(`Asterism is not running on ${stateDir}.`);
  }
  if (options.instances && (await isReady(stateDir))) await stopInstances(stateDir);
  await phase('stopping the server', async () => {
    if (!(await ended(server, stopWithinMs))) throw new Error(`the server (process ${server.pid}) did not stop within ${stopWithinMs / 1000} s`);
  });
  await stopLeftOver(stateDir);
  if (!options.instances) console.log('Instances keep running.');
}

/** Processes whose supervisor was killed. */
async function stopLeftOver(stateDir) {
  const leftOver = running(join(stateDir, 'processes', 'pids'));
  if (leftOver.length === 0) return;
  await phase(`stopping ${leftOver.length} processes that were left behind`, () =>
    Promise.all(leftOver.map(async (left) => (await ended(left, 10_000)) || ended(left, 10_000, 'SIGKILL'))),
  );
}

async function stopInstances(stateDir) {
  const active = (await api(stateDir, 'GET', '/1.0/instances?recursion=1&all-projects=true')).filter((instance) => instance.status !== 'Stopped');
  if (active.length === 0) return;
  await phase(`stopping ${active.length} instance${active.length === 1 ? '' : 's'}`, () => Promise.all(active.map((instance) => stopInstance(stateDir, instance))));
}

/** Asks first, then forces. */
async function stopInstance(stateDir, { name, project }) {
  const path = `/1.0/instances/${encodeURIComponent(name)}/state?project=${encodeURIComponent(project)}`;
  await api(stateDir, 'PUT', path, { action: 'stop', timeout: 30 }).catch(() => api(stateDir, 'PUT', path, { action: 'stop', force: true }));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
