import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cluster, common, Token, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { parseListenAddress, reachableAddresses } from './config/listen-address.js';
import { clusterService } from './index.js';

const call = systemCall();
const list = (value: unknown): common.Document => ({ json: Buffer.from(JSON.stringify(value)), etag: '' });
const host = { addresses: ['192.0.2.2', 'fd00::2'], driver: 'lxc', storage_supported_drivers: [{ Name: 'dir', Version: '1', Remote: false }] };
let composition: TestComposition;
let handler: Cluster;

beforeAll(async () => {
  composition = await composeForTest(
    [clusterService],
    { [Token.StoragePools]: { list: async () => list([{ name: 'default', driver: 'dir', config: { source: '/x' } }]) } },
    { host: { missingPaths: async () => ({ paths: [] }), environment: async () => list(host), resources: async () => list({ cpu: {} }) } },
  );
  handler = composition.handler(cluster.ClusterDefinition);
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
    await handler.register(call, { name: 'none', address: '', architecture: 'x86_64', environment: Buffer.from('{}') });
    expect(await handler.listMembers(call, {})).toEqual({ members: [{ name: 'none', address: '', architecture: 'x86_64', online: true }] });
    expect(JSON.parse((await handler.getCluster(call, {})).json.toString())).toEqual({
      server_name: '',
      enabled: false,
      member_config: [{ entity: 'storage-pool', name: 'default', key: 'source', value: '', description: '"source" property for storage pool "default"' }],
    });
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
