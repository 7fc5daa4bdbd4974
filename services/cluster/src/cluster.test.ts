import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extensions } from '@asterism/api';
import { Database } from '@asterism/database';
import { cluster, common, Token, type Cluster, type ClusterGroups } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { readEnvironment, RuntimeInfo, type Environment } from '@asterism/service';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { ConfigStore } from './config/config.store.js';
import { parseListenAddress, reachableAddresses } from './config/listen-address.js';
import { clusterService } from './index.js';
import { Authority } from './joining/authority.js';
import { ClusterMembers } from './members/cluster-members.js';
import { MemberStore } from './members/member.store.js';

const call = systemCall();
const list = (value: unknown): common.Document => ({ json: Buffer.from(JSON.stringify(value)), etag: '' });
const host = { addresses: ['192.0.2.2', 'fd00::2'], driver: 'lxc', storage_supported_drivers: [{ Name: 'dir', Version: '1', Remote: false }] };
/** The member that alone has an image. */
const onlyThere = { member: '' };
let composition: TestComposition;
let handler: Cluster;
let groups: ClusterGroups;

beforeAll(async () => {
  composition = await composeForTest(
    [clusterService],
    { [Token.StoragePools]: { list: async () => list([{ name: 'default', driver: 'dir', config: { source: '/x' } }]), expectMember: async () => ({}), withdrawMember: async () => ({}) }, [Token.Networks]: { list: async () => list([]), withdrawMember: async () => ({}) }, [Token.Warnings]: { raise: async () => ({}), resolve: async () => ({}) }, [Token.Instances]: { list: async () => list([{ name: 'c1', location: 'm2' }]) }, [Token.ImageReplicas]: { onlyOn: async (_call: unknown, { member }: { member: string }) => ({ fingerprints: member === onlyThere.member ? ['abc'] : [] }) }, [Token.StorageVolumes]: { list: async () => list([]) } },
    { host: { missingPaths: async () => ({ paths: [] }), environment: async () => list(host), resources: async () => list({ cpu: {} }) } },
  );
  handler = composition.handler(cluster.ClusterDefinition);
  groups = composition.handler(cluster.ClusterGroupsDefinition);
});
afterAll(() => composition.close());

const update = (config: Record<string, string>, mode = common.UpdateMode.MERGE, if_match = '') => handler.updateServer(call, { config, mode, if_match });
const server = async () => JSON.parse((await handler.getServer(call, { target: '' })).json.toString()) as { config: Record<string, unknown>; environment: Record<string, unknown> };

describe('the server', () => {
  it('has the ETag of the reference while its configuration is empty', async () => {
    expect((await handler.getServer(call, { target: '' })).etag).toBe('ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356');
    expect((await server()).environment).toMatchObject({ addresses: [], driver: 'lxc', storage: 'dir', storage_version: '1', server: 'lxd' });
  });

  it('shows that there is a trust password, not which, and keeps it when it is sent back', async () => {
    await update({ 'core.trust_password': 'open sesame', 'core.https_address': '[::]:8443' });
    expect(await server()).toMatchObject({ config: { 'core.trust_password': true }, environment: { addresses: ['192.0.2.2:8443', '[fd00::2]:8443'] } });
    await update({ 'core.trust_password': 'true', 'core.https_address': '127.0.0.1:1234' }, common.UpdateMode.REPLACE);
    expect(await handler.verifyTrustPassword(call, { password: 'open sesame' })).toEqual({ correct: true });
    expect(await handler.verifyTrustPassword(call, { password: 'true' })).toEqual({ correct: false });
    expect((await handler.config(call, {})).config['core.trust_password']).not.toContain('sesame');
    await update({ 'core.trust_password': '' });
    expect(await server()).toMatchObject({ config: { 'core.https_address': '127.0.0.1:1234' } });
    expect(await handler.verifyTrustPassword(call, { password: '' })).toEqual({ correct: false });
  });

  it('refuses in the words of the reference', async () => {
    await expect(update({ nokey: 'x' })).rejects.toThrow("cannot set 'nokey' to 'x': unknown key");
    await expect(update({ 'images.remote_cache_expiry': 'x' })).rejects.toThrow("cannot set 'images.remote_cache_expiry' to 'x': invalid integer");
    await expect(update({ 'core.https_allowed_credentials': 'maybe' })).rejects.toThrow("cannot set 'core.https_allowed_credentials' to 'maybe': invalid boolean");
    await expect(update({ 'images.compression_algorithm': 'gzip --rsyncable; id' })).rejects.toThrow('Invalid compression algorithm');
    await expect(update({}, common.UpdateMode.REPLACE, 'stale')).rejects.toMatchObject({ kind: 'precondition-failed' });
    await expect(handler.getServer(call, { target: 'foo' })).rejects.toThrow('Cluster member not found');
  });

  it('tells who listens what changed', async () => {
    await update({ 'user.x': 'y' });
    await composition.settle();
    expect(composition.events.findLast((event) => event.kind === 'config.changed')).toMatchObject({ payload: { keys: ['user.x'] } });
    expect(composition.events.at(-1)).toMatchObject({ kind: 'lifecycle', payload: { action: 'config-updated', source: '/1.0' } });
  });

  it('knows the members that announced themselves', async () => {
    expect(await handler.register(call, { name: 'none', address: '', architecture: 'x86_64', environment: Buffer.from('{}') })).toEqual({ name: 'none' });
    expect(await handler.listMembers(call, {})).toEqual({ members: [{ name: 'none', address: '', architecture: 'x86_64', online: true, former_names: [], cordoned: false, evacuated: false, groups: ['default'], scheduler: 'all', joined: false }], revoked: [], version: expect.any(String) as string, unchanged: false });
    expect(JSON.parse((await handler.getCluster(call, {})).json.toString())).toEqual({
      server_name: '',
      enabled: false,
      member_config: [{ entity: 'storage-pool', name: 'default', key: 'source', value: '', description: '"source" property for storage pool "default"' }],
    });
  });
});

describe('a cluster', () => {
  const joining = (more: Partial<cluster.AcceptMember> = {}): cluster.AcceptMember => ({
    ...{ server_name: 'm2', server_address: '192.0.2.3:8443', password: '', architecture: 'x86_64', server_version: '4.15', api_extensions: extensions.length, member_config: [] },
    ...more,
  });
  const token = async (server_name: string): Promise<string> => {
    await handler.issueToken(call, { server_name, fingerprint: 'f' });
    const { secret, addresses, fingerprint } = JSON.parse(composition.operations.opened.at(-1)!.metadata.toString()) as { secret: string; addresses: string[]; fingerprint: string };
    expect(addresses).toEqual(['192.0.2.2:8443']);
    Object.assign(composition.operations, { get: async () => list({ status_code: 103 }) });
    return Buffer.from(JSON.stringify({ server_name, fingerprint, addresses, secret })).toString('base64');
  };
  const members = async () => JSON.parse((await handler.listClusterMembers(call, { project: '', all_projects: false, recursion: 1, filter: '', visible_projects: [] })).json.toString()) as Record<string, unknown>[];

  it('needs a name and an address that others can reach', async () => {
    await expect(members()).rejects.toThrow('Server is not clustered');
    await expect(handler.issueToken(call, { server_name: 'm2', fingerprint: 'f' })).rejects.toThrow('This server is not clustered');
    await expect(handler.enable(call, { server_name: '', server_address: '' })).rejects.toThrow('ServerName is required when enabling clustering');
    await update({ 'core.https_address': '[::]:8443' });
    await expect(handler.enable(call, { server_name: 'm1', server_address: '' })).rejects.toThrow('Cannot use wildcard core.https_address "[::]:8443" for cluster.https_address');
    await update({ 'core.https_address': '' });
    await expect(handler.enable(call, { server_name: 'm1', server_address: '' })).rejects.toThrow('Cannot use wildcard core.https_address "" for cluster.https_address');
  });

  it('begins with the host that has the control plane', async () => {
    await update({ 'core.https_address': '192.0.2.2' });
    await handler.enable(call, { server_name: 'm1', server_address: '' });
    await composition.settle();
    const own = { roles: ['database'], failure_domain: 'default', description: '', config: {}, groups: ['default'], server_name: 'm1', url: 'https://192.0.2.2:8443', database: true, status: 'Online', message: 'Fully operational', architecture: 'x86_64' };
    expect(await members()).toEqual([own]);
    await expect(handler.enable(call, { server_name: 'm1', server_address: '' })).rejects.toThrow('This server is already clustered');
    expect((await handler.config(call, { member: 'none' })).config).toMatchObject({ 'core.https_address': '192.0.2.2', 'cluster.https_address': '192.0.2.2:8443' });
    expect(composition.events.filter(({ kind }) => kind === 'member.renamed')).toMatchObject([{ payload: { from: 'none', to: 'm1' } }]);
    expect(await handler.register(call, { name: 'none', address: '', architecture: 'x86_64', environment: Buffer.from('{}') })).toEqual({ name: 'm1' });
  });

  it('takes in who has a token for its name, once', async () => {
    const password = await token('m2');
    await expect(handler.accept(call, joining({ server_name: 'm3', password }))).rejects.toThrow('No matching cluster join operation found');
    await expect(handler.accept(call, joining({ password, server_version: '4.0' }))).rejects.toThrow(`The joining server version doesn't match (expected 4.15 with API count ${extensions.length})`);
    await expect(handler.accept(call, joining({ password, server_address: '192.0.2.2' }))).rejects.toThrow('The cluster already has a member with address: 192.0.2.2:8443');
    await expect(handler.accept(call, joining({ password, server_name: 'm1' }))).rejects.toThrow('The cluster already has a member with name: m1');
    const late = await token('late');
    await composition.composition.app.get(Database, { strict: false }).query(`UPDATE cluster.join_tokens SET expires_at = now() - interval '1 second' WHERE server_name = 'late'`);
    await expect(handler.accept(call, joining({ server_name: 'late', password: late }))).rejects.toThrow('Failed during search for join token operation: Token has expired');
    const accepted = await handler.accept(call, joining({ password }));
    expect(accepted).toMatchObject({ name: 'm2', control_address: '192.0.2.2:8444', agent_address: '192.0.2.3:8444' });
    expect(accepted.certificate).toContain('BEGIN CERTIFICATE');
    await expect(handler.accept(call, joining({ server_name: 'm4', server_address: '192.0.2.4', password }))).rejects.toThrow('No matching cluster join operation found');
    await expect(handler.accept(call, joining({ server_name: 'm4', server_address: '192.0.2.4', password: 'guess' }))).rejects.toThrow('not authorized');
  });

  it('signs for hosts beside an installation, and says where they find it', async () => {
    const { app } = composition.composition;
    const database = app.get(Database, { strict: false });
    const of = (environment: Partial<Environment> = {}): Authority => new Authority(database, app.get(MemberStore, { strict: false }), app.get(ConfigStore, { strict: false }), new RuntimeInfo({ ...readEnvironment({}), ...environment }, 'processes'));
    const [before] = await database.query<{ certificate: string; key: string }>('DELETE FROM cluster.authority RETURNING certificate, key');
    expect(await of().controlPlane()).toEqual({ address: '', ca: '', certificate: '', key: '' });
    const { certificate } = await of().require();
    expect(await of().require()).toMatchObject({ certificate });
    expect(await of().controlPlane()).toMatchObject({ address: '192.0.2.2:8444', ca: certificate });
    const node = { server_address: '192.0.2.9:8443', joined: false, has_control_plane: false };
    expect(await of().apiAddresses([node], 'lxd.example:443')).toEqual(['lxd.example:443']);
    expect(await of({ apiAddress: 'lxd.example' }).apiAddresses([node, { ...node, server_address: '192.0.2.7:8443', joined: true }], '')).toEqual(['lxd.example:8443', '192.0.2.7:8443']);
    await expect(of().apiAddresses([node], '')).rejects.toThrow('ask for the token over HTTPS');
    expect(await of({ membersAddress: 'lxd.example:9000' }).reachedFrom('lxd.example:443')).toEqual({ control_address: 'lxd.example:9000', relays_agents: true });
    await database.query('UPDATE cluster.authority SET certificate = $1, key = $2', [before!.certificate, before!.key]);
  });

  it('admits nobody new through the door for members', async () => {
    const stranger = { name: 'm8', address: '192.0.2.8:8444', architecture: 'x86_64', environment: Buffer.from('{}'), accepted_only: true };
    await expect(handler.register(call, stranger)).rejects.toThrow('"m8" is no member of this cluster');
  });

  it('has groups that its members are in', async () => {
    const group = async (name: string): Promise<unknown> => JSON.parse((await groups.get(call, { project: '', name })).json.toString());
    const create = (name: string, members: string[] = []) => groups.create(call, { name, description: '', members });
    expect(await group('default')).toEqual({ name: 'default', description: 'Default cluster group', members: ['m1', 'm2'] });
    for (const [name, reason] of [['', 'No name provided'], ['a/b', 'may not contain slashes'], ['a b', 'may not contain spaces'], ['default', 'This cluster group already exists']] as const) {
      await expect(create(name)).rejects.toThrow(reason);
    }
    await expect(create('gpu', ['m9'])).rejects.toThrow('Cluster member not found');
    await create('gpu', ['m2']);
    await expect(groups.delete(call, { project: '', name: 'gpu' })).rejects.toThrow('Only empty cluster groups can be removed');
    await expect(groups.rename(call, { name: 'gpu', new_name: 'default' })).rejects.toThrow('Name "default" already in use');
    await expect(groups.rename(call, { name: 'default', new_name: 'x' })).rejects.toThrow('cannot be renamed');
    await groups.rename(call, { name: 'gpu', new_name: 'big' });
    expect((await members())[1]).toMatchObject({ server_name: 'm2', groups: ['default', 'big'] });
    await groups.update(call, { name: 'big', description: 'large ones', if_match: '' });
    expect(await group('big')).toEqual({ name: 'big', description: 'large ones', members: ['m2'] });
    await groups.update(call, { name: 'big', members: { names: [] }, if_match: '' });
    await groups.delete(call, { project: '', name: 'big' });
    await expect(groups.delete(call, { project: '', name: 'default' })).rejects.toThrow('cannot be deleted');
    await expect(group('big')).rejects.toThrow('Cluster group not found');
  });

  it('has members with a configuration and a state', async () => {
    const change = { name: 'm2', roles: [], failure_domain: 'default', description: '', if_match: '' };
    await expect(handler.updateMember(call, { ...change, groups: { names: [] } })).rejects.toThrow('Cluster members need to belong to at least one group');
    await expect(handler.updateMember(call, { ...change, groups: { names: ['nope'] } })).rejects.toThrow('Cluster group not found');
    await expect(handler.updateMember(call, { ...change, config: { values: { nokey: '1' } } })).rejects.toThrow('Invalid cluster configuration key "nokey"');
    await expect(handler.updateMember(call, { ...change, config: { values: { 'scheduler.instance': 'some' } } })).rejects.toThrow('Invalid cluster configuration key "scheduler.instance" value');
    await handler.updateMember(call, { ...change, config: { values: { 'scheduler.instance': 'manual' } } });
    await handler.setEvacuated(call, { name: 'm2', evacuated: true, by: 'a', takes_back: false });
    const told = composition.events.length;
    await handler.setEvacuated(call, { name: 'm2', evacuated: true, by: 'a', takes_back: false });
    expect(composition.events.length).toBe(told);
    await expect(handler.setEvacuated(call, { name: 'm2', evacuated: true, by: 'b', takes_back: false })).rejects.toThrow('Cluster member is already evacuated');
    await handler.setEvacuated(call, { name: 'm2', evacuated: false, by: 'b', takes_back: true });
    expect((await members())[1]).toMatchObject({ server_name: 'm2', config: { 'scheduler.instance': 'manual' }, status: 'Evacuated', message: 'Unavailable due to maintenance' });
    expect((await handler.listMembers(call, {})).members[1]).toMatchObject({ evacuated: true, scheduler: 'manual', groups: ['default'] });
    await handler.setEvacuated(call, { name: 'm2', evacuated: false, by: 'c', takes_back: false });
    await expect(handler.setEvacuated(call, { name: 'm2', evacuated: false, by: 'd', takes_back: false })).rejects.toThrow('Cluster member is already restored');
  });

  it('has members that can be described, renamed and removed', async () => {
    await handler.register(call, { name: 'm2', address: '192.0.2.3:8444', architecture: 'x86_64', environment: Buffer.from('{}') });
    const change = { name: 'm2', roles: [], failure_domain: 'rack1', description: 'second', if_match: '' };
    await expect(handler.updateMember(call, { ...change, roles: ['database'] })).rejects.toThrow('cannot be added');
    await handler.updateMember(call, change);
    expect((await members())[1]).toMatchObject({ server_name: 'm2', failure_domain: 'rack1', description: 'second', roles: [], database: false, url: 'https://192.0.2.3:8443' });
    const nodes = composition.composition.app.get(ClusterMembers, { strict: false });
    await nodes.follow([{ member: 'm2', failureDomain: 'north', description: undefined, cordoned: true }, { member: 'n9', failureDomain: 'south', description: '', cordoned: false }]);
    expect((await members())[1]).toMatchObject({ failure_domain: 'north', description: 'second' });
    expect((await handler.listMembers(call, {})).members.map(({ name, cordoned }) => [name, cordoned])).toEqual([['m1', false], ['m2', true]]);
    await expect(handler.removeMember(call, { name: 'm2', force: false })).rejects.toThrow('Node still has the following containers: c1');
    await expect(handler.removeMember(call, { name: 'm1', force: true })).rejects.toThrow('has the control plane');
    await expect(handler.renameMember(call, { name: 'm2', new_name: 'm1' })).rejects.toThrow('already exists');
    await handler.renameMember(call, { name: 'm2', new_name: 'm5' });
    expect((await members()).map((member) => member['server_name'])).toEqual(['m1', 'm5']);
    onlyThere.member = 'm5';
    await expect(handler.removeMember(call, { name: 'm5', force: false })).rejects.toThrow('Node still has the following images: abc');
    onlyThere.member = '';
    await handler.removeMember(call, { name: 'm5', force: false });
    expect((await members()).length).toBe(1);
    expect((await handler.listMembers(call, {})).revoked).toEqual([expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)]);
    await expect(handler.register(call, { name: 'm5', address: '192.0.2.3:8444', architecture: 'x86_64', environment: Buffer.from('{}') })).rejects.toThrow('"m5" is no member of this cluster');
    await expect(handler.removeMember(call, { name: 'm1', force: true })).rejects.toThrow('Member is the only member in the cluster');
  });

  it('takes in again who was killed while it joined, and lets it take its joining back', async () => {
    const asked = joining({ server_name: 'm6', password: await token('m6'), join: 'secret' });
    const first = await handler.accept(call, asked);
    const again = await handler.accept(call, asked);
    expect({ ...again, certificate: '', key: '' }).toEqual({ ...first, certificate: '', key: '' });
    await expect(handler.accept(call, { ...asked, join: 'other' })).rejects.toThrow('already has a member with name: m6');
    await handler.withdraw(call, { server_name: 'm6', join: 'other' });
    expect((await members()).map((member) => member['server_name'])).toEqual(['m1', 'm6']);
    for (let time = 0; time < 2; time++) await handler.withdraw(call, { server_name: 'm6', join: 'secret' });
    expect((await members()).map((member) => member['server_name'])).toEqual(['m1']);
  });
});

describe('addresses', () => {
  it('are read in every form', () => {
    expect(parseListenAddress('127.0.0.1')).toEqual({ host: '127.0.0.1', port: '8443' });
    expect(parseListenAddress(':9000')).toEqual({ host: '', port: '9000' });
    expect(parseListenAddress('[::1]:9000')).toEqual({ host: '::1', port: '9000' });
    expect(parseListenAddress('::1')).toEqual({ host: '::1', port: '8443' });
  });

  it('of an IPv4 wildcard are IPv4', () => {
    expect(reachableAddresses('0.0.0.0:1', ['192.0.2.2', 'fd00::2'])).toEqual(['192.0.2.2:1']);
  });
});
