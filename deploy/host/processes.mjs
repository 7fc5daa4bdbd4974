// npm run up -- --processes: every service in a process of its own, over gRPC with mutual TLS, NATS and Redis, on one host.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthority, issueCertificate, writeTlsDirectory } from '../../libs/certificates/dist/index.js';
import { health } from '../../libs/proto/dist/index.js';
import { systemCall } from '../../libs/rpc/dist/index.js';
import { Channel, remote } from '../../libs/rpc/dist/wire-binding.js';
import { startEmbeddedPostgres } from '../../libs/database/dist/index.js';
import { lockStateDir } from '../../services/standalone/dist/state-dir-lock.js';
import { nodeOptions } from './node-options.mjs';
import { ended, running, startTime } from './process-id.mjs';
import { root } from './setup.mjs';

const services = ['operations', 'projects', 'warnings', 'cluster', 'storage', 'networks', 'images', 'instances', 'node-agent', 'gateway'];
/** More than one share the addresses of the API. */
const gateways = Number(process.env.ASTERISM_GATEWAYS ?? 1);
const restartAfterMs = 1_000;
const reachableWithinMs = 150_000;

class Constellation {
  children = new Map();
  stopping = false;

  constructor(stateDir) {
    this.stateDir = stateDir;
    this.directory = join(stateDir, 'processes');
  }

  async start() {
    mkdirSync(this.directory, { recursive: true, mode: 0o711 });
    this.unlock = await lockStateDir(this.stateDir);
    // What a killed supervisor left behind would serve beside the new ones.
    await Promise.all(running(this.pidFile()).map((left) => ended(left, 10_000, 'SIGKILL')));
    await this.issueCertificates();
    this.postgres = await startEmbeddedPostgres(join(this.stateDir, 'database'), { connections: 120, restarted: () => this.recordPids() });
    const natsPort = await freePort();
    this.natsUrl = `tls://127.0.0.1:${natsPort}`;
    this.redisSocket = join(this.directory, 'redis.sock');
    this.run('nats', 'nats-server', ['--config', this.natsConfig(natsPort)]);
    this.run('redis', 'redis-server', ['--port', '0', '--unixsocket', this.redisSocket, '--unixsocketperm', '700', '--save', '', '--appendonly', 'no', '--dir', this.directory]);
    await Promise.all([reachable({ host: '127.0.0.1', port: natsPort }), reachable({ path: this.redisSocket })]);
    const ports = Object.fromEntries(await Promise.all(services.map(async (name) => [name, await freePort()])));
    const serve = (name) => this.run(name, process.execPath, [...nodeOptions, join(root, 'services', name, 'dist', 'main.js')], this.environment(name, ports));
    const behind = services.filter((name) => name !== 'gateway');
    behind.forEach(serve);
    await Promise.all(behind.map((name) => this.serving(name, ports[name])));
    serve('gateway');
    for (let number = 2; number <= gateways; number++) await this.shareAddress(`gateway-${number}`, ports);
  }

  /** One more gateway at the addresses of the first, with its certificate; the kernel spreads connections over them. */
  async shareAddress(name, ports) {
    const directory = join(this.directory, name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const files = ['server.crt', 'server.key'];
    while (!this.stopping && !files.every((file) => existsSync(join(this.stateDir, file)))) await sleep(50);
    for (const file of files) {
      rmSync(join(directory, file), { force: true });
      symlinkSync(join(this.stateDir, file), join(directory, file));
    }
    // Hosts that joined find the first.
    const own = { LXD_DIR: directory, ASTERISM_LISTEN: '127.0.0.1:0', ASTERISM_MEMBERS_LISTEN: '127.0.0.1:0', ASTERISM_REPLICA: name };
    this.run(name, process.execPath, [...nodeOptions, join(root, 'services/gateway/dist/main.js')], { ...this.environment('gateway', ports), ...own });
  }

  /** Resolves when the service says so by the health protocol: the API opens when everything behind it is there. */
  async serving(name, port) {
    const read = (file) => readFileSync(join(this.tlsDirectory(name), file));
    const channel = new Channel({ address: `127.0.0.1:${port}`, tls: { ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') }, serverName: 'asterism' });
    const probe = remote(health.HealthDefinition, channel);
    const deadline = Date.now() + reachableWithinMs;
    for (;;) {
      const answer = await probe.check(systemCall({ timeoutMs: 5_000 }), { service: '' }).catch((error) => error);
      if (answer.status === health.HealthCheckResponse_ServingStatus.SERVING) break;
      if (Date.now() > deadline) throw new Error(`${name} does not serve: ${answer.message ?? 'it is still starting'}`);
      await sleep(50);
    }
    channel.close();
  }

  /** A new authority at each start: its key leaves memory with this process. */
  async issueCertificates() {
    const authority = await createAuthority('Asterism');
    for (const name of ['nats', ...services]) {
      const own = await issueCertificate(authority, { commonName: name, dnsNames: ['asterism', 'localhost', name], ipAddresses: ['127.0.0.1'] });
      await writeTlsDirectory(this.tlsDirectory(name), authority, own);
    }
  }

  tlsDirectory(name) {
    return join(this.directory, 'tls', name);
  }

  natsConfig(port) {
    const tls = this.tlsDirectory('nats');
    const path = join(this.directory, 'nats.conf');
    const quoted = (text) => JSON.stringify(text);
    writeFileSync(
      path,
      `listen: "127.0.0.1:${port}"
jetstream { store_dir: ${quoted(join(this.directory, 'nats'))}, max_memory_store: 64MB, max_file_store: 1GB }
tls { cert_file: ${quoted(join(tls, 'tls.crt'))}, key_file: ${quoted(join(tls, 'tls.key'))}, ca_file: ${quoted(join(tls, 'ca.crt'))}, verify: true }
`,
      { mode: 0o600 },
    );
    return path;
  }

  environment(name, ports) {
    const addresses = Object.fromEntries(services.map((peer) => [`ASTERISM_SERVICE_${peer.toUpperCase().replaceAll('-', '_')}`, `127.0.0.1:${ports[peer]}`]));
    return {
      LXD_DIR: this.stateDir,
      ASTERISM_DATABASE_URL: this.postgres.url,
      ASTERISM_NATS_URL: this.natsUrl,
      ASTERISM_REDIS_URL: this.redisSocket,
      ASTERISM_TLS_DIR: this.tlsDirectory(name),
      ASTERISM_LISTEN: `127.0.0.1:${ports[name]}`,
      ASTERISM_REPLICA: 'one',
      NODE_COMPILE_CACHE: join(this.stateDir, 'cache', 'compiled'),
      ...addresses,
      ...metricsAddress(name),
    };
  }

  /** Starts a process and starts it again when it ends by itself. */
  run(name, command, args, env = {}) {
    const child = spawn(command, args, { cwd: '/', stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
    this.children.set(name, child);
    this.recordPids();
    const again = (why) => {
      if (this.stopping) return;
      console.error(`${name} ended (${why}); it is started again`);
      setTimeout(() => this.stopping || this.run(name, command, args, env), restartAfterMs);
    };
    child.once('error', (error) => again(error.message));
    child.once('exit', (code, signal) => again(signal ?? `exit code ${code}`));
  }

  pidFile() {
    return join(this.directory, 'pids');
  }

  recordPids() {
    const pids = [this.postgres, ...this.children.values()].map((child) => child?.pid).filter((pid) => pid !== undefined);
    writeFileSync(this.pidFile(), pids.map((pid) => `${pid} ${startTime(pid)}\n`).join(''));
  }

  /** Who asks ends before who answers. */
  async stop() {
    if (this.stopping) return;
    this.stopping = true;
    for (const group of [[...this.children.keys()].filter((name) => name.startsWith('gateway')), ['node-agent'], services, ['nats', 'redis']]) await Promise.all(group.map((name) => exited(this.children.get(name))));
    await this.postgres?.stop();
    await this.unlock?.();
  }
}

async function exited(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(forced);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Each process has its own: the port given, and those after it in the order of the services. */
function metricsAddress(name) {
  const [, host, port] = /^(.*):(\d+)$/.exec(process.env.ASTERISM_METRICS_LISTEN ?? '') ?? [];
  return host === undefined ? {} : { ASTERISM_METRICS_LISTEN: `${host}:${Number(port) + services.indexOf(name)}`, OTEL_SERVICE_NAME: `asterism-${name}` };
}

/** Resolves when something accepts connections there. */
async function reachable(target) {
  const deadline = Date.now() + reachableWithinMs;
  while (!(await accepts(target))) {
    if (Date.now() > deadline) throw new Error(`nothing listens on ${target.path ?? `${target.host}:${target.port}`}`);
    await sleep(50);
  }
}

function accepts(target) {
  return new Promise((resolve) => {
    const socket = connect(target, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const constellation = new Constellation(process.argv[2]);
const stop = async (code) => {
  await constellation.stop();
  process.exit(code);
};
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(0));
constellation.start().catch(async (error) => {
  console.error(error.message);
  await stop(1);
});
