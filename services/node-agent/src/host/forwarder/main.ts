import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { chmodSync, rmSync } from 'node:fs';
import { Forwarder } from './forwarder.js';
import type { ForwarderAnswer, ForwarderRequest } from './proxy.js';
import { settleIn } from './system.js';

// A process of its own, so that proxies outlive the agent: `node main.js <control socket>`. It ends when it has had nothing to forward for a while.

const idleMs = 10_000;
const path = process.argv[2] ?? '';

settleIn();
const forwarder = new Forwarder();
rmSync(path, { force: true });
const control = createServer((agent) => {
  agent.on('error', () => agent.destroy());
  createInterface({ input: agent }).on('line', (line) => agent.write(`${JSON.stringify(answer(JSON.parse(line) as ForwarderRequest))}\n`));
});
control.listen(path, () => chmodSync(path, 0o600));

function answer(request: ForwarderRequest): ForwarderAnswer {
  try {
    if ('open' in request) forwarder.open(request.open);
    else forwarder.close(request.close);
    return {};
  } catch (error) {
    return { error: (error as Error).message };
  }
}

let idleSince = performance.now();
setInterval(() => {
  if (!forwarder.isIdle) idleSince = performance.now();
  if (performance.now() - idleSince < idleMs) return;
  rmSync(path, { force: true });
  process.exit(0);
}, idleMs / 4);

// One broken connection is no reason to break the others.
process.on('uncaughtException', (error) => process.stderr.write(`${String(error.stack)}\n`));
