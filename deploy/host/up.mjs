// npm run up: from a fresh Debian to a running server. Runs on Node 20 before anything is installed.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { api, isReady } from './api.mjs';
import { join as joinCluster } from './join.mjs';
import { nodeOptions } from './node-options.mjs';
import { upOptions, upUsage } from './options.mjs';
import { phase } from './progress.mjs';
import { node, root, setUp } from './setup.mjs';

const readyWithinMs = 180_000;

async function main() {
  const options = upOptions(process.argv.slice(2));
  if (options.help) return void console.log(upUsage);
  const { stateDir } = options;
  if (await isReady(stateDir)) {
    console.log(`Asterism is already running on ${stateDir}.`);
    await listen(options);
    await become(options);
    return printCommands(stateDir);
  }
  if (process.getuid() !== 0) throw new Error('run this as root: it starts containers');
  console.log(`Asterism on ${stateDir}`);
  setUp(options.processes ? ['host', 'processes'] : ['host']);
  const server = await phase(options.processes ? 'starting the services' : 'starting the server', () => start(options));
  await finish(options);
  if (options.bare) console.log(`\nReady, with nothing in it yet: LXD_DIR=${stateDir} lxc info`);
  else printCommands(stateDir);
  if (options.detach) return server.unref();
  await follow(server);
}

/** The rest needs the Node that the build was made for. */
async function finish(options) {
  await listen(options);
  if (options.join !== undefined) return become(options);
  if (options.bare) return;
  const child = spawn(node(), [join(root, 'deploy/host/first-start-main.mjs'), options.stateDir], { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error('the first start did not make its pool, network and image; run the same command again to try again');
}

async function start({ stateDir, detach, processes }) {
  mkdirSync(join(stateDir, 'logs'), { recursive: true, mode: 0o711 });
  const logPath = join(stateDir, 'logs', 'asterism.log');
  const log = openSync(logPath, 'a', 0o600);
  const program = processes ? [join(root, 'deploy/host/processes.mjs'), stateDir] : [join(root, 'services/standalone/dist/main.js'), 'standalone', '--state-dir', stateDir];
  const server = spawn(node(), [...nodeOptions, ...program], { cwd: '/', stdio: ['ignore', log, log], detached: true, env: { ...process.env, LXD_DIR: stateDir } });
  closeSync(log);
  let exited = false;
  server.once('exit', () => (exited = true));
  const deadline = Date.now() + readyWithinMs;
  while (!(await isReady(stateDir))) {
    if (exited || Date.now() > deadline) {
      if (!exited) process.kill(server.pid, 'SIGTERM');
      throw new Error(`the server did not become ready; the end of ${logPath}:\n${tail(logPath)}`);
    }
    await sleep(50);
  }
  if (detach) server.unref();
  return server;
}

async function listen({ stateDir, listen: address }) {
  if (address) await api(stateDir, 'PATCH', '/1.0', { config: { 'core.https_address': address } });
}

/** A member keeps nothing of its own. */
async function become({ stateDir, listen: address, join: token }) {
  if (token !== undefined) await phase('joining the cluster', () => joinCluster(stateDir, { token, listen: address }));
}

/** Stays until the server ends; Ctrl-C ends the server and leaves instances running. */
async function follow(server) {
  console.log('\nCtrl-C stops the server and leaves instances running.');
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.kill(server.pid, 'SIGTERM'));
  const code = await new Promise((resolve) => (server.exitCode === null ? server.once('exit', resolve) : resolve(server.exitCode)));
  process.exitCode = code ?? 0;
}

function printCommands(stateDir) {
  const prefix = stateDir === '/var/lib/lxd' ? '' : `LXD_DIR=${stateDir} `;
  console.log(`\nTry:\n  ${prefix}lxc launch busybox c1\n  ${prefix}lxc exec c1 -- sh\n  ${prefix}lxc list`);
}

function tail(path) {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}

main().catch((error) => {
  console.error(`\n${error.message}`);
  process.exit(1);
});
