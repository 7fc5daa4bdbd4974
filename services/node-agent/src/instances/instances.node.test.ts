import { randomUUID } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DeviceDrivers } from '../devices/device-drivers.js';
import { GuestFiles } from '../host/guest-files.js';
import { linuxHost } from '../host/linux-host.js';
import { openInstances, type AgentInstances } from './open-instances.js';

type InstanceSpec = agentInstances.InstanceSpec;

const host = linuxHost();
const call = systemCall();
const init = `#!/bin/sh
trap 'exit 0' PWR
trap 'reboot -f' INT
echo booted > /dev/console
while :; do sleep 1000 & wait $!; done
`;

let stateDir: string;
let agent: AgentInstances;
const happened: string[] = [];
const made: InstanceSpec[] = [];

async function open(): Promise<AgentInstances> {
  const opened = await openInstances({
    host,
    stateDir,
    devices: new DeviceDrivers(new Map()),
    guestFiles: new GuestFiles(),
    rootUsage: async () => undefined,
    devlxd: { member: () => 'none', images: () => Promise.reject(new LxdError('not-found', 'Image not found')) },
    happened: (id, what) => void happened.push(`${what} ${made.find((spec) => spec.id === id)?.name}`),
  });
  await opened.reattach();
  return opened;
}

beforeAll(async () => {
  stateDir = mkdtempSync('/var/tmp/asterism-instances-');
  chmodSync(stateDir, 0o711);
  agent = await open();
});

afterEach(async () => {
  for (const spec of made.splice(0)) {
    await agent.handler.stop(call, { id: spec.id, force: true, timeout_s: 5 }).catch(() => undefined);
    await agent.handler.delete(call, spec).catch(() => undefined);
  }
  happened.length = 0;
});

afterAll(async () => {
  await agent.close();
  await host.guests.close();
  rmSync(stateDir, { recursive: true, force: true });
});

function volume(name: string): string {
  const path = `${stateDir}/storage-pools/default/containers/${name}`;
  rmSync(path, { recursive: true, force: true });
  for (const part of [`${stateDir}/storage-pools`, `${stateDir}/storage-pools/default`, `${stateDir}/storage-pools/default/containers`]) {
    mkdirSync(part, { recursive: true, mode: 0o711 });
  }
  for (const directory of ['bin', 'sbin', 'dev', 'proc', 'sys', 'etc', 'tmp', 'root', 'srv/data']) mkdirSync(`${path}/rootfs/${directory}`, { recursive: true, mode: 0o755 });
  copyFileSync('/bin/busybox', `${path}/rootfs/bin/busybox`);
  for (const applet of ['sh', 'sleep', 'cat', 'id', 'env', 'pwd', 'true', 'hostname', 'kill', 'reboot', 'poweroff', 'stty', 'tty', 'echo', 'mount']) symlinkSync('busybox', `${path}/rootfs/bin/${applet}`);
  writeFileSync(`${path}/rootfs/sbin/init`, init, { mode: 0o755 });
  writeFileSync(`${path}/rootfs/etc/passwd`, 'root:x:0:0::/root:/bin/sh\n');
  return path;
}

async function container(name: string, change: Partial<InstanceSpec> = {}): Promise<InstanceSpec> {
  const spec: InstanceSpec = {
    id: randomUUID(),
    project: 'default',
    name,
    type: 'container',
    architecture: 'x86_64',
    ephemeral: false,
    config: {},
    devices: { root: { options: { type: 'disk', path: '/', pool: 'default' }, network: undefined, volume_path: '' } },
    pool: 'default',
    pool_driver: 'dir',
    volume_path: volume(name),
    profiles: ['default'],
    local_config: {},
    local_devices: {},
    description: '',
    created_at_ms: Date.now(),
    ...change,
  };
  made.push(spec);
  await agent.handler.create(call, { spec, trigger: 'create' });
  return spec;
}

async function run(spec: InstanceSpec, command: string[], change: Partial<agentInstances.ExecSession> = {}): Promise<agentInstances.SessionResult & { stdout: string; stderr: string }> {
  const id = randomUUID();
  await agent.handler.startExec(call, {
    id,
    instance_id: spec.id,
    command,
    environment: {},
    wait_for_websocket: false,
    interactive: false,
    width: 80,
    height: 24,
    user: undefined,
    group: undefined,
    cwd: '',
    record_output: true,
    ...change,
  });
  const result = await agent.handler.waitSession(call, { id });
  const output = (fd: string): string => (result.output[fd] ? readFileSync(`${stateDir}/logs/${spec.name}/${result.output[fd]}`, 'utf8') : '');
  return { ...result, stdout: output('1'), stderr: output('2') };
}

async function status(spec: InstanceSpec): Promise<string> {
  return (await agent.handler.states(call, { ids: [spec.id] })).by_id[spec.id]?.status ?? '';
}

describe('a container', () => {
  it('starts unprivileged with an idmapped root, and stops cleanly', async () => {
    const spec = await container('c1');
    const started = await agent.handler.start(call, spec);
    expect(started.config).toMatchObject({ 'volatile.last_state.power': 'RUNNING', 'volatile.last_state.idmap': '[]' });
    expect(await status(spec)).toBe('Running');
    const { pid } = (await agent.handler.states(call, { ids: [spec.id] })).by_id[spec.id]!;
    expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8')).not.toMatch(/^\s+0\s+0\s/);
    expect(await run(spec, ['sh', '-c', 'id -u; hostname'])).toMatchObject({ exit_code: 0, stdout: '0\nc1\n' });
    const stopped = await agent.handler.stop(call, { id: spec.id, force: false, timeout_s: 10 });
    expect(stopped.config['volatile.last_state.power']).toBe('STOPPED');
    expect(await status(spec)).toBe('Stopped');
    expect(happened).toEqual([]);
    expect(await host.cgroups.read(`/asterism/${spec.id}/payload`, 'pids.current')).toBeUndefined();
  });

  it('that runs is left alone by a second start, which hears what the first one did', async () => {
    const spec = await container('c1');
    const { config } = await agent.handler.start(call, spec);
    expect(await agent.handler.start(call, spec)).toEqual({ config, owners_owed: false });
  });

  it('runs commands with their exit codes, user, group and directory', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    expect(await run(spec, ['sh', '-c', 'exit 3'])).toMatchObject({ exit_code: 3 });
    expect(await run(spec, ['nowhere'])).toMatchObject({ exit_code: 127 });
    expect(await run(spec, ['sh', '-c', 'kill -9 $$'])).toMatchObject({ exit_code: 137 });
    expect((await run(spec, ['sh', '-c', 'id -u; id -g'], { user: 1000, group: 1000 })).stdout).toBe('1000\n1000\n');
    expect((await run(spec, ['pwd'], { cwd: '/srv/data' })).stdout).toBe('/srv/data\n');
    expect((await run(spec, ['pwd'])).stdout).toBe('/root\n');
  });

  it('that shuts itself down is noticed', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    await run(spec, ['sh', '-c', 'kill -PWR 1']);
    await expect.poll(() => happened).toEqual(['stopped c1']);
    expect(await status(spec)).toBe('Stopped');
  });

  it('that reboots keeps running', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    const before = (await agent.handler.states(call, { ids: [spec.id] })).by_id[spec.id]!.pid;
    await run(spec, ['sh', '-c', 'kill -INT 1']);
    await expect.poll(() => happened, { timeout: 5000 }).toEqual(['rebooted c1']);
    const after = (await agent.handler.states(call, { ids: [spec.id] })).by_id[spec.id]!.pid;
    expect(after).not.toBe(before);
    expect(await run(spec, ['true'])).toMatchObject({ exit_code: 0 });
  });

  it('survives the agent, and is found again', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    const before = (await agent.handler.states(call, { ids: [] })).by_id;
    await agent.close();
    agent = await open();
    expect((await agent.handler.states(call, { ids: [] })).by_id).toEqual(before);
    expect(await run(spec, ['true'])).toMatchObject({ exit_code: 0 });
    await agent.handler.stop(call, { id: spec.id, force: true, timeout_s: 5 });
    expect(await status(spec)).toBe('Stopped');
  });

  it('that ended while the agent was away is cleared away', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    const { pid } = (await agent.handler.states(call, { ids: [spec.id] })).by_id[spec.id]!;
    await agent.close();
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => host.processes.handle(pid)).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 200));
    agent = await open();
    expect(await status(spec)).toBe('Stopped');
    expect(happened).toEqual(['stopped c1']);
  });

  it('that was launched by an agent killed before it wrote that down is ended', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    const { pid } = (await agent.handler.states(call, { ids: [spec.id] })).by_id[spec.id]!;
    await agent.close();
    await agent.known.save({ spec });
    agent = await open();
    expect(host.processes.handle(pid)).toBeUndefined();
    expect(await status(spec)).toBe('Stopped');
    await agent.handler.start(call, spec);
    expect(await status(spec)).toBe('Running');
  });

  it('freezes and thaws', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    await agent.handler.freeze(call, { id: spec.id });
    expect(await status(spec)).toBe('Frozen');
    await agent.handler.unfreeze(call, { id: spec.id });
    expect(await status(spec)).toBe('Running');
    await agent.handler.freeze(call, { id: spec.id });
    await agent.handler.stop(call, { id: spec.id, force: true, timeout_s: 5 });
    expect(await status(spec)).toBe('Stopped');
  });

  it('has limits, also changed while it runs', async () => {
    const spec = await container('c1', { config: { 'limits.memory': '64MiB', 'limits.processes': '50', 'limits.cpu': '1' } });
    await agent.handler.start(call, spec);
    const group = `/asterism/${spec.id}/payload`;
    const limit = async (): Promise<string | undefined> => (await host.cgroups.read(group, 'memory.limit_in_bytes')) ?? (await host.cgroups.read(group, 'memory.max'));
    expect((await limit())?.trim()).toBe(String(64 * 2 ** 20));
    expect((await host.cgroups.read(group, 'pids.max'))?.trim()).toBe('50');
    expect((await host.cgroups.read(group, 'cpuset.cpus'))?.trim()).toMatch(/^\d+$/);
    await agent.handler.update(call, { spec: { ...spec, config: { 'limits.memory': '128MiB' } } });
    expect((await host.cgroups.read(group, 'cpuset.cpus'))?.trim()).toBe(readFileSync('/sys/devices/system/cpu/online', 'utf8').trim());
    expect((await limit())?.trim()).toBe(String(128 * 2 ** 20));
    expect((await host.cgroups.read(group, 'pids.max'))?.trim()).toBe('max');
  });

  it('tells its state', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    const { json, status_code } = (await agent.handler.fullStates(call, { ids: [spec.id] })).by_id[spec.id]!;
    expect(status_code).toBe(103);
    const state = JSON.parse(Buffer.from(json).toString()) as { processes: number; memory: { usage: number }; network: Record<string, unknown> };
    expect(state).toMatchObject({ status: 'Running', network: { lo: { mtu: 65536, type: 'loopback', hwaddr: '' } } });
    expect(state.processes).toBeGreaterThan(0);
    expect(state.memory.usage).toBeGreaterThan(0);
  });

  it('that cannot start says why and leaves nothing', async () => {
    const spec = await container('c1');
    rmSync(`${spec.volume_path}/rootfs/sbin/init`);
    await expect(agent.handler.start(call, spec)).rejects.toThrow(/Failed to start the container|ended as soon/);
    expect(await status(spec)).toBe('Stopped');
    const groups = await Promise.all(['memory', 'unified'].map((tree) => host.cgroups.directory(`/asterism/${spec.id}`, tree)));
    for (const group of groups) expect(group && existsSync(group)).toBeFalsy();
  });

  it('takes mounts while it runs', async () => {
    const spec = await container('c1');
    await agent.handler.start(call, spec);
    const source = mkdtempSync('/var/tmp/asterism-mount-');
    try {
      writeFileSync(`${source}/file`, 'from outside');
      const { pid } = (await agent.handler.states(call, { ids: [spec.id] })).by_id[spec.id]!;
      await host.guests.ask('mount', { pid, source, target: '/mnt/new', idmapped: true });
      expect((await run(spec, ['cat', '/mnt/new/file'])).stdout).toBe('from outside');
      await host.guests.ask('unmount', { pid, target: '/mnt/new' });
      expect((await run(spec, ['cat', '/mnt/new/file'])).exit_code).toBe(1);
    } finally {
      rmSync(source, { recursive: true });
    }
  });
});

