import { execFile, spawn } from 'node:child_process';
import { chown, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);

export interface EmbeddedPostgres {
  url: string;
  /** Another one after it was killed. */
  readonly pid: number;
  stop(): Promise<void>;
}

const superviseMs = 250;

/** Small: one host's control plane. Durable: fsync and synchronous commits stay on. */
const settings = `
listen_addresses = ''
shared_buffers = 24MB
max_wal_size = 256MB
wal_level = minimal
max_wal_senders = 0
jit = off
autovacuum_max_workers = 1
max_parallel_workers = 0
max_worker_processes = 2
logging_collector = off
log_min_messages = warning
unix_socket_permissions = 0700
`;

/**
 * PostgreSQL of the distribution's package as a child of this process, run by the unprivileged user "postgres" (it
 * refuses root), reachable by a unix socket in `directory` only. A server that a killed process left running is adopted.
 */
export async function startEmbeddedPostgres(directory: string, { connections = 40, restarted }: { connections?: number; restarted?: () => void } = {}): Promise<EmbeddedPostgres> {
  const bin = await findBinaries();
  const data = join(directory, 'data');
  const owner = await userIds('postgres');
  await mkdir(directory, { recursive: true, mode: 0o711 });
  await chown(directory, owner.uid, owner.gid);
  await initialise(bin, data, owner);
  await writeFile(join(data, 'asterism.conf'), `${settings}max_connections = ${connections}\n`);
  const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(directory)}`;

  const server = { bin, data, directory, owner, url };
  return supervised(server, (await adopted(server)) ?? (await start(server)), restarted);
}

/** What a process that was killed left of a server that nobody wants any more. */
export async function removeEmbeddedPostgres(directory: string): Promise<void> {
  const running = await runningPid(join(directory, 'data'));
  if (running !== undefined) process.kill(running, 'SIGQUIT');
  while (running !== undefined && (await lives(running))) await sleep(20);
  await rm(directory, { recursive: true, force: true });
}

interface Server {
  bin: string;
  data: string;
  directory: string;
  owner: { uid: number; gid: number };
  url: string;
}

async function adopted({ data, url }: Server): Promise<number | undefined> {
  const running = await runningPid(data);
  return running !== undefined && (await answers(url, 20_000)) ? running : undefined;
}

async function start({ bin, data, directory, owner, url }: Server): Promise<number> {
  const child = spawn(join(bin, 'postgres'), ['-D', data, '-k', directory, '-c', `config_file=${join(data, 'postgresql.conf')}`], {
    uid: owner.uid,
    gid: owner.gid,
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4096)));
  let exited = false;
  child.once('exit', () => (exited = true));
  child.once('error', () => (exited = true));
  const deadline = performance.now() + 30_000;
  while (exited || !(await answers(url, 0))) {
    if (exited || performance.now() > deadline) throw new Error(`PostgreSQL in ${data} did not start: ${log.trim() || 'no answer within 30 s'}`);
    await sleep(15);
  }
  child.unref();
  (child.stderr as unknown as { unref?: () => void }).unref?.();
  return child.pid!;
}

/** Looks whether it lives, since one that was adopted is no child, and starts it again when it was killed: its log has what was committed. */
function supervised(server: Server, first: number, restarted?: () => void): EmbeddedPostgres {
  let pid = first;
  let starting: Promise<void> | undefined;
  const lookAfterIt = async (): Promise<void> => {
    if (await lives(pid)) return;
    process.stderr.write('PostgreSQL has ended; it is started again\n');
    // Refused while a process of the one before still holds its memory: the next look tries again.
    pid = await start(server);
    restarted?.();
  };
  const timer = setInterval(() => {
    starting ??= lookAfterIt().catch((error: unknown) => void process.stderr.write(`${String(error)}\n`)).finally(() => (starting = undefined));
  }, superviseMs);
  timer.unref();
  return {
    url: server.url,
    get pid() {
      return pid;
    },
    async stop() {
      clearInterval(timer);
      await starting;
      try {
        process.kill(pid, 'SIGINT');
        for (let waited = 0; waited < 10_000; waited += 20) {
          await sleep(20);
          process.kill(pid, 0);
        }
      } catch {
        return;
      }
    },
  };
}

/** A zombie does not. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/^\d+ \(.*\) [ZX]/.test(stat);
}

async function initialise(bin: string, data: string, owner: { uid: number; gid: number }): Promise<void> {
  if (await exists(join(data, 'asterism.initialised'))) return;
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  await chown(data, owner.uid, owner.gid);
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions', '--no-sync'], {
    uid: owner.uid,
    gid: owner.gid,
    cwd: data,
  });
  await writeFile(join(data, 'postgresql.conf'), `${await readFile(join(data, 'postgresql.conf'), 'utf8')}\ninclude 'asterism.conf'\n`);
  await writeFile(join(data, 'asterism.initialised'), '');
}

async function findBinaries(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  const newest = versions.map(Number).filter(Number.isFinite).sort((a, b) => b - a)[0];
  if (newest === undefined) throw new Error('PostgreSQL is not installed: install the package "postgresql", or set ASTERISM_DATABASE_URL');
  return join(root, String(newest), 'bin');
}

async function userIds(name: string): Promise<{ uid: number; gid: number }> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  const fields = passwd.split('\n').map((line) => line.split(':')).find((candidate) => candidate[0] === name);
  if (!fields) throw new Error(`the user "${name}" that the package "postgresql" creates is missing`);
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

async function runningPid(data: string): Promise<number | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (!pid) return undefined;
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name.trim() === 'postgres' ? pid : undefined;
}

async function answers(url: string, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      if (performance.now() >= deadline) return false;
      await sleep(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
