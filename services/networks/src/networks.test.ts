import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isLxdError, LxdError } from '@asterism/errors';
import { common, networks as proto, Token, type Agent, type Networks } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { networksService } from './index.js';

const call = systemCall();
const links: Record<string, string> = { lo: 'loopback', eth0: 'physical', veth1a: 'unknown' };
const applied = new Map<string, Record<string, string>>();
const usedBy: Record<string, string[]> = {};
let refuse: string | undefined;

const json = (value: unknown): common.Document => ({ json: Buffer.from(JSON.stringify(value)), etag: '' });
const agent = {
  networks: {
    apply: async (_call: unknown, { name, config }: { name: string; config: Record<string, string> }) => {
      if (refuse !== undefined) throw new LxdError('internal', refuse);
      applied.set(name, config);
      return {};
    },
    remove: async (_call: unknown, { name }: { name: string }) => (applied.delete(name), {}),
    usedSubnets: async () => ({ cidrs: ['10.0.0.0/9'], has_ipv6: true }),
    links: async () => ({ type_by_name: { ...links, ...Object.fromEntries([...applied.keys()].map((name) => [name, 'bridge'])) } }),
    state: async () => json({ state: 'up' }),
    leases: async () => json([{ hostname: 'c1', hwaddr: '00:16:3e:22:ca:46', address: '10.212.1.153', type: 'dynamic' }]),
  },
} as unknown as Partial<Agent>;
const users = { by_key: (names: string[]) => Object.fromEntries(names.map((name) => [name, { urls: usedBy[name] ?? [] }])) };
const fakes = {
  [Token.Profiles]: { usedBy: async () => ({ by_key: {} }) },
  [Token.Instances]: {
    usedBy: async (_call: unknown, { names }: { names: string[] }) => ({ by_key: users.by_key(names) }),
    nics: async () => json([{ project: 'default', instance: 'c2', hwaddr: '00:16:3e:67:1a:b7', ipv4: '10.212.1.20', ipv6: '', member: 'none' }]),
  },
  [Token.Projects]: {
    resolve: async (_call: unknown, { project }: { project: string }) => {
      if (project === 'foo') throw new LxdError('not-found', 'Project not found');
      return { project: { name: project, description: '', config: { 'features.networks': String(project === 'own') } }, profiles: [] };
    },
  },
  [Token.Warnings]: { settle: async () => ({}) },
};

describe('networks', () => {
  let test: TestComposition;
  let networks: Networks;
  beforeAll(async () => {
    test = await composeForTest([networksService], fakes, agent);
    networks = test.handler<Networks>(proto.NetworksDefinition);
  });
  afterAll(() => test.close());
  beforeEach(() => {
    refuse = undefined;
    for (const name of Object.keys(usedBy)) delete usedBy[name];
  });

  const fixed = { 'ipv4.address': '10.212.1.1/24', 'ipv6.address': 'none' };
  const create = (name: string, more: Partial<proto.CreateNetwork> = {}) =>
    networks.create(call, { project: 'default', name, type: '', description: '', config: fixed, target: '', ...more });
  const update = (config: Record<string, string>, mode: common.UpdateMode, more: Partial<proto.UpdateNetwork> = {}) =>
    networks.update(call, { project: 'default', name: 'nt0', config, mode, if_match: '', ...more });
  const read = async (name: string) => JSON.parse(Buffer.from((await networks.get(call, { project: 'default', name })).json).toString()) as Record<string, unknown>;
  const refusal = (work: Promise<unknown>) => work.then(() => 'done', (error: unknown) => (isLxdError(error) ? `${error.kind}: ${error.message}` : String(error)));

  it('are created on every member', async () => {
    expect(await create('nt0', { config: { ...fixed, 'ipv4.nat': 'true', 'dns.mode': '' } })).toEqual({ url: '/1.0/networks/nt0' });
    expect(applied.get('nt0')).toEqual({ ...fixed, 'ipv4.nat': 'true' });
    expect(await read('nt0')).toEqual({
      config: { 'ipv4.address': '10.212.1.1/24', 'ipv4.nat': 'true', 'ipv6.address': 'none' },
      description: '', name: 'nt0', type: 'bridge', used_by: null, managed: true, status: 'Created', locations: ['none'],
    });
    await test.settle();
    expect(test.events.find(({ kind }) => kind === 'lifecycle')?.payload).toMatchObject({ action: 'network-created', source: '/1.0/networks/nt0', project: 'default' });
  });

  it('get addresses that nobody has', async () => {
    await create('nt1', { config: {} });
    expect(applied.get('nt1')?.['ipv4.address']).toMatch(/^10\.(1[2-9]\d|2\d\d)\.\d+\.1\/24$/);
    expect(applied.get('nt1')).toMatchObject({ 'ipv4.nat': 'true', 'ipv6.nat': 'true' });
    await networks.delete(call, { project: 'default', name: 'nt1' });
    expect(applied.has('nt1')).toBe(false);
  });

  it("are refused in the reference's words", async () => {
    expect(await refusal(create('nt0'))).toBe('bad-request: The network already exists');
    expect(await refusal(create(''))).toBe('bad-request: No name provided');
    expect(await refusal(create('toolongnameofanetwork'))).toBe('bad-request: Network interface is too long (maximum 15 characters)');
    expect(await refusal(create('n9', { type: 'bogus' }))).toBe('bad-request: Unknown driver');
    expect(await refusal(create('n9', { target: 'foo' }))).toBe('not-found: Cluster member not found');
    expect(await refusal(create('n9', { project: 'foo' }))).toBe('not-found: Failed to load project "foo": Project not found');
    expect(await refusal(create('n9', { project: 'own' }))).toBe('bad-request: Network type does not support non-default projects');
    expect(await refusal(create('n9', { config: { ...fixed, nokey: '1' } }))).toBe('internal: Invalid option for network "n9" option "nokey"');
    expect(await refusal(update({ nokey: '1' }, common.UpdateMode.REPLACE))).toBe('bad-request: Invalid option for network "nt0" option "nokey"');
    expect(await refusal(networks.get(call, { project: 'default', name: 'nope' }))).toBe('not-found: Network not found');
    expect(await refusal(networks.delete(call, { project: 'default', name: 'eth0' }))).toBe('not-found: Failed loading network: Network not found');
  });

  it('leave nothing where a member refuses them', async () => {
    refuse = 'Address already in use';
    expect(await refusal(create('n9'))).toBe('internal: Address already in use');
    refuse = undefined;
    expect(await refusal(networks.get(call, { project: 'default', name: 'n9' }))).toContain('not-found');
  });

  it('are listed with the links of the host', async () => {
    const list = async (recursion: number, project = 'default') =>
      JSON.parse(Buffer.from((await networks.list(call, { project, all_projects: false, recursion, filter: '', visible_projects: [] })).json).toString()) as object[];
    expect(await list(0)).toEqual(['/1.0/networks/nt0', '/1.0/networks/lo', '/1.0/networks/eth0']);
    expect(await list(1)).toMatchObject([{ name: 'nt0', managed: true }, { name: 'lo', type: 'loopback', used_by: [] }, { name: 'eth0', type: 'physical', used_by: null, locations: null }]);
    expect(await list(0, 'own')).toEqual([]);
    expect((await networks.get(call, { project: 'default', name: 'eth0' })).etag).toBe('18575c01e33eea1bfe396d951240dc2a1ff21ad53b3952fd36e8ee048c06c47b');
  });

  it('change by PUT and PATCH', async () => {
    await update({ ...fixed, 'user.x': 'y' }, common.UpdateMode.REPLACE, { description: 'd' });
    expect(await read('nt0')).toMatchObject({ description: 'd', config: { ...fixed, 'user.x': 'y' } });
    await update({ 'ipv4.nat': 'true', 'user.x': '' }, common.UpdateMode.MERGE);
    expect(applied.get('nt0')).toEqual({ ...fixed, 'ipv4.nat': 'true' });
    expect(await refusal(update({}, common.UpdateMode.REPLACE, { if_match: 'stale' }))).toMatch(/^precondition-failed: ETag doesn't match: [0-9a-f]{64} vs stale$/);
  });

  it('know all leases', async () => {
    const { json: bytes } = await networks.leases(call, { project: 'default', name: 'nt0' });
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual([
      { hostname: 'nt0.gw', hwaddr: '', address: '10.212.1.1', type: 'gateway', location: '' },
      { hostname: 'c2', hwaddr: '00:16:3e:67:1a:b7', address: '10.212.1.20', type: 'static', location: 'none' },
      { hostname: 'c1', hwaddr: '00:16:3e:22:ca:46', address: '10.212.1.153', type: 'dynamic', location: 'none' },
    ]);
  });

  it('keep their name and life while they are used', async () => {
    usedBy['nt0'] = ['/1.0/instances/c1'];
    expect((await read('nt0'))['used_by']).toEqual(['/1.0/instances/c1']);
    expect(await refusal(networks.delete(call, { project: 'default', name: 'nt0' }))).toBe('bad-request: The network is currently in use');
    expect(await refusal(networks.rename(call, { project: 'default', name: 'nt0', new_name: 'nt2' }))).toBe('bad-request: Network is currently in use');
  });

  it('are renamed when nothing uses them', async () => {
    const rename = (new_name: string) => networks.rename(call, { project: 'default', name: 'nt0', new_name });
    expect(await refusal(rename('nt0'))).toBe('conflict: Network "nt0" already exists');
    expect(await refusal(rename('eth0'))).toBe('internal: Network interface "eth0" already exists');
    expect(await rename('nt2')).toEqual({ url: '/1.0/networks/nt2' });
    expect([...applied.keys()]).toEqual(['nt2']);
    await networks.delete(call, { project: 'default', name: 'nt2' });
  });
});
