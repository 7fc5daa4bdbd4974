// What the command lines of up and down ask for.
import { parseArgs } from 'node:util';

export const upUsage = `Usage: npm run up -- [options]

Prepares this host, starts Asterism and, on the first start, makes a storage pool, a network and a small image.

  --state-dir DIR      where everything lives; default LXD_DIR, then /var/lib/asterism
  --listen ADDR:PORT   also serve the API over HTTPS there
  --detach             leave the server running in the background
  --bare               make no pool, no network, no image
  --join TOKEN         become a member of the cluster whose \`lxc cluster add\` printed it; wants --listen, and keeps nothing of its own
  --processes          every service in a process of its own, over gRPC with mutual TLS, NATS and Redis`;

export const downUsage = `Usage: npm run down -- [options]

Stops the servers; instances keep running.

  --state-dir DIR      default LXD_DIR, then /var/lib/asterism
  --instances          stop the instances too`;

const stateDir = { 'state-dir': { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } };

export function upOptions(args) {
  const values = read(args, {
    ...stateDir,
    listen: { type: 'string' },
    detach: { type: 'boolean', default: false },
    bare: { type: 'boolean', default: false },
    join: { type: 'string' },
    processes: { type: 'boolean', default: false },
  });
  if (values.join !== undefined && (values.listen === undefined || values.processes)) throw new Error('--join wants --listen, where the other members find this host, and not --processes');
  return { ...values, stateDir: stateDirOf(values) };
}

export function downOptions(args) {
  const values = read(args, { ...stateDir, instances: { type: 'boolean', default: false } });
  return { ...values, stateDir: stateDirOf(values) };
}

function read(args, options) {
  return parseArgs({ args: args.filter((arg) => arg !== '--'), options, allowPositionals: false }).values;
}

function stateDirOf(values) {
  const directory = values['state-dir'] ?? process.env.LXD_DIR ?? '/var/lib/asterism';
  if (!directory.startsWith('/')) throw new Error(`--state-dir wants an absolute path, not "${directory}"`);
  return directory.replace(/\/+$/, '') || '/';
}
