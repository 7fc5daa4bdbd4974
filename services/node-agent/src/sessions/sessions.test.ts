// proves: container_exec_signal_handling
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { agentInstances } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstancePlace, InstancePlaces } from '../files/place.js';
import type { Argv } from '../host/commands.js';
import type { Host } from '../host/host.js';
import { linuxHost } from '../host/linux-host.js';
import { Channel } from './channel.js';
import { Sessions } from './sessions.js';

type Frame = agentInstances.SessionFrame;

let directory: string;
let sessions: Sessions;
let running = true;
let ids = 0;
const call = systemCall();

/** The real host, but for lxc-attach: what would run inside runs here. */
function withoutContainers(): Host {
  const real = linuxHost();
  const inside = (argv: Argv): Argv => {
    if (argv[0] !== 'lxc-attach') return argv;
    const [config, command] = [argv.indexOf('-f'), argv.slice(argv.indexOf('--') + 1)];
    if (config < 0) return ['sh', '-c', '"$@"', 'sh', ...command];
    return ['sh', '-c', 'grep -q = "$0" && "$@"', argv[config + 1]!, ...command];
  };
  return {
    ...real,
    spawn: (argv, options) => real.spawn(inside(argv), options),
    spawnMute: (argv, options) => real.spawnMute(inside(argv), options),
    terminal: (argv, options) => real.terminal(inside(argv), options),
  };
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'asterism-sessions-'));
  const place = (): InstancePlace => ({
    id: 'i', name: 'c1', project: 'default', type: 'container', pid: running ? 1 : undefined, lxc: { path: '/x', name: 'c1' },
    volumePath: directory, ids: async () => [], logsDir: directory,
  });
  sessions = new Sessions(withoutContainers(), { place } as InstancePlaces);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function start(command: string[], options: Partial<agentInstances.ExecSession> = {}): Promise<string> {
  const id = `s${++ids}`;
  await sessions.startExec(call, {
    id, instance_id: 'i', command, environment: {}, wait_for_websocket: true, interactive: false, width: 80, height: 24, cwd: '/', record_output: false, ...options,
  });
  return id;
}

interface Socket {
  send(data: string, end?: boolean): void;
  close(): void;
  text: Promise<string>;
}

function connect(id: string, fd: string): Socket {
  const out = new Channel<Frame>(1000);
  void out.put({ session_id: id, fd, data: Buffer.alloc(0), end: false });
  const read = async (): Promise<string> => {
    const parts: Uint8Array[] = [];
    for await (const frame of sessions.attach(call, out)) parts.push(frame.data);
    return Buffer.concat(parts).toString();
  };
  return { send: (data, end = false) => void out.put({ session_id: id, fd, data: Buffer.from(data), end }), close: () => out.close(), text: read() };
}

const wait = (id: string): Promise<agentInstances.SessionResult> => sessions.waitSession(call, { id });

describe('a command', () => {
  it.each([
    { interactive: true, fds: ['0', 'control'] },
    { interactive: false, fds: ['0', '1', '2', 'control'] },
  ])('runs once, whichever socket comes last ($fds)', async ({ interactive, fds }) => {
    const traces = join(directory, `runs-${fds.length}`);
    const id = await start(['sh', '-c', `echo run >> ${traces}; sleep 0.2`], { interactive });
    for (const fd of fds) connect(id, fd);
    await wait(id);
    expect(readFileSync(traces, 'utf8')).toBe('run\n');
  });
});

describe('a command with pipes', () => {
  it('reads its input to the end and keeps its outputs apart', async () => {
    const id = await start(['sh', '-c', 'cat; echo err >&2; exit 3']);
    const [stdin, stdout, stderr] = ['0', '1', '2'].map((fd) => connect(id, fd)) as [Socket, Socket, Socket];
    stdin.send('hello ');
    stdin.send('world');
    stdin.send('', true);
    expect(await Promise.all([stdout.text, stderr.text])).toEqual(['hello world', 'err\n']);
    expect(await wait(id)).toMatchObject({ exit_code: 3, error: '' });
  });

  it('does not start before all its sockets are there', async () => {
    const id = await start(['sh', '-c', 'echo started']);
    connect(id, '0').close();
    const stdout = connect(id, '1');
    expect(await Promise.race([stdout.text, new Promise((resolve) => setTimeout(() => resolve('nothing yet'), 200))])).toBe('nothing yet');
    connect(id, '2');
    expect(await stdout.text).toBe('started\n');
  });

  it('carries a megabyte whole to a slow reader', async () => {
    const id = await start(['sh', '-c', 'head -c 1048576 /dev/zero']);
    connect(id, '0');
    connect(id, '2');
    const out = new Channel<Frame>();
    void out.put({ session_id: id, fd: '1', data: Buffer.alloc(0), end: false });
    let bytes = 0;
    for await (const frame of sessions.attach(call, out)) {
      bytes += frame.data.length;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(bytes).toBe(1_048_576);
  });

  it('ends with the command though something it left behind holds its output', async () => {
    const id = await start(['sh', '-c', 'sleep 30 & echo done']);
    connect(id, '0');
    connect(id, '2');
    expect(await connect(id, '1').text).toBe('done\n');
    expect(await wait(id)).toMatchObject({ exit_code: 0 });
  });

  it('gets signals, and is killed when its client goes', async () => {
    const trap = await start(['sh', '-c', 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done']);
    connect(trap, '0');
    connect(trap, '2');
    const stdout = connect(trap, '1');
    const control = connect(trap, 'control');
    await new Promise((resolve) => setTimeout(resolve, 200));
    control.send('{"command":"signal","signal":15}');
    expect(await stdout.text).toBe('ready\ncaught\n');
    expect(await wait(trap)).toMatchObject({ exit_code: 9 });

    const left = await start(['sleep', '30']);
    ['0', '1', '2'].forEach((fd) => connect(left, fd));
    const lifeline = connect(left, 'control');
    await new Promise((resolve) => setTimeout(resolve, 100));
    lifeline.close();
    expect((await wait(left)).exit_code).toBe(137);
  });

  it('that cannot be started leaves nothing open', async () => {
    const before = readdirSync('/proc/self/fd').length;
    for (let index = 0; index < 5; index++) await expect(start(['true'], { environment: { 'A=B': 'x' } })).rejects.toThrow('Invalid environment variable name');
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('names commands that do not exist in the reference’s words', async () => {
    const id = await start(['no-such-command-here'], { wait_for_websocket: false });
    expect(await wait(id)).toMatchObject({ exit_code: 127, error: 'Command not found' });
  });
});

describe('a command without sockets', () => {
  it('runs at once, and its output is recorded when asked for', async () => {
    const id = await start(['sh', '-c', 'echo out; echo err >&2'], { wait_for_websocket: false, record_output: true });
    const result = await wait(id);
    expect(result).toMatchObject({ exit_code: 0, output: { '1': `exec_${id}.stdout`, '2': `exec_${id}.stderr` } });
    expect(readFileSync(join(directory, result.output['1']!), 'utf8')).toBe('out\n');
  });
});

describe('a command with a terminal', () => {
  it('has the size it was given and follows the client’s window', async () => {
    const id = await start(['sh', '-c', 'stty size; read line; stty size'], { interactive: true, width: 100, height: 30 });
    const terminal = connect(id, '0');
    const control = connect(id, 'control');
    await new Promise((resolve) => setTimeout(resolve, 200));
    control.send('{"command":"window-resize","args":{"width":"132","height":"43"}}');
    await new Promise((resolve) => setTimeout(resolve, 100));
    terminal.send('go\n');
    expect(await terminal.text).toMatch(/30 100[^]*43 132/);
    expect(await wait(id)).toMatchObject({ exit_code: 0 });
  });
});

describe('sessions', () => {
  it('are refused for an instance that does not run, and unknown ones were interrupted', async () => {
    running = false;
    await expect(start(['true'])).rejects.toThrow('Instance is not running');
    running = true;
    expect(await wait('stranger')).toMatchObject({ error: 'The session was interrupted' });
  });

  it('run twenty at once', async () => {
    const all = await Promise.all([...Array(20).keys()].map(async (index) => {
      const id = await start(['sh', '-c', `echo ${index}`]);
      connect(id, '0');
      connect(id, '2');
      return connect(id, '1').text;
    }));
    expect(all.map((text) => text.trim())).toEqual([...Array(20).keys()].map(String));
  });
});

describe('an agent that is to be replaced', () => {
  it('begins nothing, and lets what is nearly over end', async () => {
    const own = sessions;
    sessions = new Sessions(withoutContainers(), { place: () => ({ id: 'i', name: 'c1', project: 'default', type: 'container', pid: 1, lxc: { path: '/x', name: 'c1' }, volumePath: directory, ids: async () => [], logsDir: directory }) } as unknown as InstancePlaces);
    const id = await start(['sleep', '0.2'], { wait_for_websocket: false });
    let isDrained = false;
    const drained = sessions.drain().then(() => (isDrained = true));
    await expect(start(['true'])).rejects.toMatchObject({ kind: 'unavailable', unsent: true });
    expect(isDrained).toBe(false);
    expect(await wait(id)).toMatchObject({ exit_code: 0 });
    await drained;
    sessions = own;
  });
});
