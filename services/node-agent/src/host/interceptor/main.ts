import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { Interceptor } from './interceptor.js';

// A process of its own, so that guests go on while the agent is away: `node main.js <control socket> <policies>`, with the socket of the monitors as its
// standard input. A monitor that finds nobody at that socket once never tries again, so the agent holds it too and gives it to the next interceptor:
// whoever connects to the control socket is told the pid to take it from. It ends when nobody has needed it for a while, neither an agent nor a container.

const idleMs = 10_000;
const monitors = 0;
const [control = '', policies = ''] = process.argv.slice(2);

process.umask(0o077);
const interceptor = new Interceptor(monitors, policies);
rmSync(control, { force: true });
const agents = createServer((agent) => {
  agent.on('error', () => agent.destroy()).resume();
  agent.write(`${process.pid}\n`);
});
agents.listen(control, () => chmodSync(control, 0o600));

let idleSince = performance.now();
setInterval(() => {
  agents.getConnections((_error, count) => {
    if (count > 0 || !interceptor.isIdle) idleSince = performance.now();
    if (performance.now() - idleSince < idleMs) return;
    interceptor.stop();
    rmSync(control, { force: true });
  });
}, idleMs / 4);

// One guest's call is no reason to leave the others without answers.
process.on('uncaughtException', (error) => process.stderr.write(`${String(error.stack)}\n`));

await interceptor.serve();
process.exit(0);
