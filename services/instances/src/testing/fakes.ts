import { LxdError } from '@asterism/errors';
import { Token, type Agent, type agentBackups, type agentInstances, type storage } from '@asterism/proto';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { instancesService } from '../instances-service.js';

/** What a fake world holds, and hooks by which a test makes it fail or wait. */
export interface FakeWorld {
  volumes: Map<string, { empty: boolean; copyOf?: string }>;
  /** What the agent keeps, by id. */
  kept: Map<string, agentInstances.InstanceSpec>;
  running: Set<string>;
  /** Backup files by id, each its index as JSON. */
  files: Map<string, string>;
  calls: string[];
  profiles: Record<string, { config: Record<string, string>; devices: Record<string, { options: Record<string, string> }> }>;
  /** Throws or delays a call; named like "agent.start". */
  before(call: string): Promise<void> | void;
}

export interface TestInstances extends TestComposition {
  world: FakeWorld;
}

/** The instances service with a real PostgreSQL between an agent and services that live in memory. */
export async function instancesForTest(): Promise<TestInstances> {
  const world: FakeWorld = {
    volumes: new Map(),
    kept: new Map(),
    running: new Set(),
    files: new Map(),
    calls: [],
    profiles: {
      default: {
        config: {},
        devices: { root: { options: { type: 'disk', path: '/', pool: 'default' } }, eth0: { options: { type: 'nic', name: 'eth0', network: 'lxdbr0' } } },
      },
    },
    before: () => undefined,
  };
  const called = async (name: string): Promise<void> => {
    world.calls.push(name);
    await world.before(name);
  };
  const composition = await composeForTest([instancesService], neighbours(world, called), { instances: agent(world, called), backups: backupFiles(world, called), host: { missingPaths: async (_call: unknown, { paths }: { paths: string[] }) => ({ paths: paths.filter((path) => path !== '/tmp') }) } } as unknown as Partial<Agent>);
  return Object.assign(composition, { world });
}

type Called = (name: string) => Promise<void>;
const keyOf = (volume: storage.VolumeRef | undefined): string => `${volume?.project}/${volume?.pool}/${volume?.name}`;

function neighbours(world: FakeWorld, called: Called): Record<string, object> {
  return {
    [Token.Projects]: {
      async resolve(_call: unknown, request: { project: string; profiles: string[] }) {
        for (const name of request.profiles) if (!world.profiles[name]) throw new LxdError('not-found', `Requested profile "${name}" doesn't exist`);
        return { project: { name: request.project, description: '', config: {} }, profiles: request.profiles.map((name) => ({ name, ...world.profiles[name] })) };
      },
      requireStaying: async () => ({}),
      checkBackup: async () => called('projects.checkBackup').then(() => ({})),
      checkSnapshot: async () => called('projects.checkSnapshot').then(() => ({})),
      checkInstance: async () => called('projects.checkInstance').then(() => ({})),
    },
    [Token.Cluster]: { config: async () => ({ config: {} }) },
    [Token.StoragePools]: { lookup: async (_call: unknown, { names }: { names: string[] }) => ({ by_name: Object.fromEntries(names.filter((name) => ['default', 'other'].includes(name)).map((name) => [name, { driver: 'btrfs', config: {}, members: ['none'] }])) }) },
    [Token.Networks]: {
      lookup: async (_call: unknown, { names }: { names: string[] }) => ({
        by_name: Object.fromEntries(names.filter((name) => name === 'lxdbr0').map((name) => [name, { name, type: 'bridge', managed: true, config: {} }])),
      }),
    },
    [Token.Images]: {
      async ensure(_call: unknown, request: { alias: string; fingerprint: string }) {
        if (request.alias !== 'busybox' && request.fingerprint !== 'f'.repeat(64)) throw new LxdError('not-found', request.alias ? 'Image alias not found' : 'Image not found');
        return { fingerprint: 'f'.repeat(64), type: 'container', architecture: 'x86_64', properties: { os: 'Busybox', release: 'stable' }, profiles: ['default'], size_bytes: 1 };
      },
    },
    [Token.InstanceVolumes]: {
      async create(_call: unknown, request: storage.CreateInstanceVolume) {
        await called('volumes.create');
        world.volumes.set(keyOf(request.volume), { empty: request.source?.$case === 'empty', ...(request.source?.$case === 'copy_from' ? { copyOf: keyOf(request.source.value) } : {}) });
        for (const snapshot of request.snapshots) world.volumes.set(`${keyOf(request.volume)}/${snapshot}`, { empty: false });
        return { path: `/pools/${keyOf(request.volume)}` };
      },
      async refresh(_call: unknown, request: storage.RefreshInstanceVolume) {
        await called('volumes.refresh');
        world.volumes.set(keyOf(request.volume), { empty: false, copyOf: keyOf(request.source) });
        for (const snapshot of request.snapshots) world.volumes.set(`${keyOf(request.volume)}/${snapshot}`, { empty: false });
        return {};
      },
      async backup(_call: unknown, request: storage.BackupInstanceVolume) {
        await called('volumes.backup');
        world.files.set(request.id, request.index.toString());
        return { size_bytes: 1, optimized: false };
      },
      async delete(_call: unknown, volume: storage.VolumeRef) {
        await called('volumes.delete');
        world.volumes.delete(keyOf(volume));
        return {};
      },
      async rename(_call: unknown, request: storage.RenameInstanceVolume) {
        await called('volumes.rename');
        const from = keyOf(request.volume);
        const snapshot = request.volume?.name.includes('/');
        const to = snapshot ? `${from.slice(0, from.lastIndexOf('/'))}/${request.new_name}` : keyOf({ ...request.volume!, name: request.new_name });
        for (const [key, volume] of [...world.volumes]) {
          if (key !== from && !key.startsWith(`${from}/`)) continue;
          world.volumes.delete(key);
          world.volumes.set(to + key.slice(from.length), volume);
        }
        return {};
      },
      async snapshot(_call: unknown, volume: storage.VolumeRef) {
        await called('volumes.snapshot');
        world.volumes.set(keyOf(volume), { empty: false });
        return {};
      },
      restore: async () => called('volumes.restore').then(() => ({})),
      resize: async () => called('volumes.resize').then(() => ({})),
      async locate(_call: unknown, volume: storage.VolumeRef) {
        if (volume.type === 'custom' && volume.name === 'nope') throw new LxdError('not-found', 'Storage pool volume not found');
        return { path: `/pools/${keyOf(volume)}` };
      },
    },
  };
}

function backupFiles(world: FakeWorld, called: Called): object {
  return {
    async receive(_call: unknown, frames: AsyncIterable<agentBackups.ReceiveBackup>) {
      let id = '';
      let text = '';
      for await (const { part } of frames) {
        if (part?.$case === 'header') id = part.value.id;
        else if (part) text += part.value.toString();
      }
      await called('backups.receive');
      world.files.set(id, text);
      return { size_bytes: text.length, index: Buffer.from(text) };
    },
    async delete(_call: unknown, { id }: agentBackups.BackupName) {
      world.files.delete(id);
      return {};
    },
  };
}

function agent(world: FakeWorld, called: Called): object {
  const state = (id: string): agentInstances.InstanceState => ({
    status: world.running.has(id) ? 'Running' : 'Stopped',
    status_code: world.running.has(id) ? 103 : 102,
    json: Buffer.from(JSON.stringify({ status: world.running.has(id) ? 'Running' : 'Stopped', pid: 7 })),
    pid: 7,
    project: world.kept.get(id)?.project ?? '',
    name: world.kept.get(id)?.name ?? '',
  });
  return {
    async create(_call: unknown, request: agentInstances.CreatedFrom) {
      await called('agent.create');
      world.kept.set(request.spec!.id, request.spec!);
      return { config: { 'volatile.idmap.base': '0' } };
    },
    async start(_call: unknown, spec: agentInstances.InstanceSpec) {
      await called('agent.start');
      world.running.add(spec.id);
      return { config: { 'volatile.eth0.host_name': 'veth1', 'volatile.apply_template': '' }, owners_owed: false };
    },
    async stop(_call: unknown, { id }: agentInstances.StopInstance) {
      await called('agent.stop');
      world.running.delete(id);
      return { config: { 'volatile.eth0.host_name': '' } };
    },
    freeze: async () => called('agent.freeze').then(() => ({})),
    unfreeze: async () => called('agent.unfreeze').then(() => ({})),
    async update(_call: unknown, { spec }: agentInstances.UpdateInstance) {
      await called('agent.update');
      world.kept.set(spec!.id, spec!);
      return { config: {} };
    },
    rename: async () => called('agent.rename').then(() => ({})),
    async delete(_call: unknown, spec: agentInstances.InstanceSpec) {
      await called('agent.delete');
      world.kept.delete(spec.id);
      return {};
    },
    states: async () => ({ by_id: Object.fromEntries([...world.running].map((id) => [id, state(id)])) }),
    async fullStates(_call: unknown, { ids }: agentInstances.InstanceRefs) {
      await called('agent.fullStates');
      return { by_id: Object.fromEntries(ids.map((id) => [id, state(id)])) };
    },
    startExec: async () => called('agent.startExec').then(() => ({})),
    waitSession: async () => ({ exit_code: 3, output: {}, error: '' }),
  };
}
