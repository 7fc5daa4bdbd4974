import { beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { scenario } from './scenario.js';

const test = scenario();
const project = 'project=guarded';
const root = { root: { type: 'disk', path: '/', pool: 'default' } };
const ownFeatures = { 'features.images': 'true', 'features.profiles': 'true', 'features.storage.volumes': 'true' };

interface Breach {
  config?: Record<string, string>;
  devices?: Record<string, Record<string, string>>;
}

/** What a restricted project must never hold, one of each kind of restriction. */
const breaches: Record<string, Breach> = {
  'a privileged container': { config: { 'security.privileged': 'true' } },
  nesting: { config: { 'security.nesting': 'true' } },
  'raw.lxc': { config: { 'raw.lxc': 'lxc.tty.max = 3' } },
  'raw.idmap': { config: { 'raw.idmap': 'both 0 0' } },
  'kernel modules': { config: { 'linux.kernel_modules': 'loop' } },
  'interception of system calls': { config: { 'security.syscalls.intercept.mknod': 'true' } },
  'a disk of the host': { devices: { breach: { type: 'disk', source: '/tmp', path: '/mnt' } } },
  'an unmanaged nic': { devices: { breach: { type: 'nic', nictype: 'p2p', name: 'eth9' } } },
  'a character device': { devices: { breach: { type: 'unix-char', path: '/dev/null' } } },
};

/** Every way by which config and devices of an instance come to be. */
const paths: Record<string, (breach: Breach) => Promise<string>> = {
  creation: (breach) => attempt('POST', `/1.0/instances?${project}`, { name: 'new', source: { type: 'none' }, ...breach }),
  'a copy': (breach) => attempt('POST', `/1.0/instances?${project}`, { name: 'new', source: { type: 'copy', source: 'plain' }, ...breach }),
  'a copy from another project': async (breach) => {
    await test.client.change('PUT', '/1.0/instances/loose', replacement('loose', breach));
    return attempt('POST', `/1.0/instances?${project}`, { name: 'new', source: { type: 'copy', source: 'loose', project: 'default' } });
  },
  'an import': async (breach) => {
    await test.client.change('PUT', '/1.0/instances/loose', replacement('loose', breach));
    return importOf('loose');
  },
  'the snapshot of an import': async (breach) => {
    await test.client.change('PUT', '/1.0/instances/loose', replacement('loose', breach));
    await test.client.change('POST', '/1.0/instances/loose/snapshots', { name: 'breach' });
    await test.client.change('PUT', '/1.0/instances/loose', untouched['loose']);
    return importOf('loose').finally(() => test.client.change('DELETE', '/1.0/instances/loose/snapshots/breach'));
  },
  'a patch': (breach) => attempt('PATCH', `/1.0/instances/plain?${project}`, breach),
  'a replacement': (breach) => attempt('PUT', `/1.0/instances/plain?${project}`, replacement('plain', breach)),
  'a new profile': (breach) => attempt('POST', `/1.0/profiles?${project}`, { name: 'new', ...breach }),
  'an edited profile': (breach) => attempt('PATCH', `/1.0/profiles/second?${project}`, breach),
};

interface Instance {
  config: Record<string, string>;
  devices: Record<string, object>;
  profiles: string[];
}

/** The instances as they were made. */
const untouched: Record<string, Instance> = {};

/** A whole instance with a breach on top, as a client sends it back after reading it. */
function replacement(name: string, { config, devices }: Breach): Instance {
  const { config: ownConfig, devices: ownDevices, profiles } = untouched[name]!;
  return { config: { ...ownConfig, ...config }, devices: { ...ownDevices, ...devices }, profiles };
}

/** Why a write was refused, at once or in its operation; "" where it was not. */
async function attempt(method: string, path: string, body: object): Promise<string> {
  const answer = await test.client.json<Operation>(method, path, body);
  if (answer.type === 'error') return answer.error;
  if (answer.type !== 'async') return '';
  return test.client.wait(answer.operation).then(() => '', (error: Error) => error.message);
}

/** The archive of an instance of the default project, taken into the guarded one. */
async function importOf(name: string): Promise<string> {
  await test.client.change('POST', `/1.0/instances/${name}/backups`, { name: 'b', compression_algorithm: 'none' });
  const { body } = await test.client.send({ path: `/1.0/instances/${name}/backups/b/export` });
  await test.client.change('DELETE', `/1.0/instances/${name}/backups/b`);
  const answer = await test.client.send({ method: 'POST', path: `/1.0/instances?${project}`, headers: { 'Content-Type': 'application/octet-stream', 'X-LXD-name': 'new' }, body });
  const { error, operation } = JSON.parse(answer.body.toString()) as { error: string; operation: string };
  return error || test.client.wait(operation).then(() => '', (refused: Error) => refused.message);
}

beforeAll(async () => {
  await test.client.change('POST', '/1.0/projects', { name: 'guarded', config: { ...ownFeatures, restricted: 'true', 'restricted.snapshots': 'allow' } });
  await test.client.change('PUT', `/1.0/profiles/default?${project}`, { devices: root });
  await test.client.change('POST', `/1.0/profiles?${project}`, { name: 'second' });
  await test.client.change('POST', `/1.0/instances?${project}`, { name: 'plain', source: { type: 'none' }, profiles: ['default', 'second'] });
  await test.client.change('POST', '/1.0/instances', { name: 'loose', source: { type: 'none' }, profiles: [], devices: root });
  untouched['plain'] = await test.client.get(`/1.0/instances/plain?${project}`);
  untouched['loose'] = await test.client.get('/1.0/instances/loose');
});

describe.each(Object.keys(paths))('a restricted project is not escaped by %s', (path) => {
  it.each(Object.keys(breaches))('with %s', async (name) => {
    const breach = breaches[name]!;
    expect(await paths[path]!(breach)).toMatch(/forbidden|Only managed network devices|not backed by a pool/);
    expect(await test.client.get(`/1.0/instances?${project}`)).toEqual([`/1.0/instances/plain?${project}`]);
    const plain = await test.client.get<{ expanded_config: Record<string, string>; expanded_devices: Record<string, unknown> }>(`/1.0/instances/plain?${project}`);
    for (const key of Object.keys(breach.config ?? {})) expect(plain.expanded_config).not.toHaveProperty([key]);
    expect(plain.expanded_devices).not.toHaveProperty('breach');
  });
});

describe('a project', () => {
  it('does not let a snapshot bring back what it forbids by now', async () => {
    const rules = (restricted: string) => ({ config: { ...ownFeatures, restricted, 'restricted.snapshots': 'allow' } });
    await test.client.change('PUT', '/1.0/projects/guarded', rules('false'));
    await test.client.change('PATCH', `/1.0/instances/plain?${project}`, { config: { 'security.privileged': 'true' } });
    await test.client.change('POST', `/1.0/instances/plain/snapshots?${project}`, { name: 'before' });
    await test.client.change('PATCH', `/1.0/instances/plain?${project}`, { config: { 'security.privileged': '' } });
    await test.client.change('PUT', '/1.0/projects/guarded', rules('true'));
    expect(await attempt('PUT', `/1.0/instances/plain?${project}`, { restore: 'before' })).toMatch(/Privileged containers are forbidden/);
  });

  it('is not restricted while it holds what that would forbid', async () => {
    await test.client.change('POST', '/1.0/projects', { name: 'open', config: { restricted: 'false' } });
    await test.client.change('POST', '/1.0/profiles?project=open', { name: 'bad', config: { 'security.nesting': 'true' } });
    expect(await attempt('PATCH', '/1.0/projects/open', { config: { restricted: 'true' } })).toMatch(/Container nesting is forbidden/);
  });

  it('makes no snapshots where they are blocked', async () => {
    await test.client.change('PATCH', '/1.0/projects/guarded', { config: { 'restricted.snapshots': 'block' } });
    expect(await attempt('POST', `/1.0/instances/plain/snapshots?${project}`, { name: 'no' })).toBe('Project "guarded" doesn\'t allow for snapshot creation');
    await test.client.change('POST', `/1.0/storage-pools/default/volumes/custom?${project}`, { name: 'v' });
    expect(await attempt('POST', `/1.0/storage-pools/default/volumes/custom/v/snapshots?${project}`, { name: 'no' })).toBe('Project "guarded" doesn\'t allow for snapshot creation');
  });

  it('makes no backups where they are blocked', async () => {
    expect(await attempt('POST', `/1.0/instances/plain/backups?${project}`, {})).toBe('Project "guarded" doesn\'t allow for backup creation');
    expect(await attempt('POST', `/1.0/storage-pools/default/volumes/custom/v/backups?${project}`, {})).toBe('Project "guarded" doesn\'t allow for backup creation');
    await test.client.change('PATCH', '/1.0/projects/guarded', { config: { 'restricted.backups': 'allow' } });
    expect(await attempt('POST', `/1.0/instances/plain/backups?${project}`, {})).toBe('');
  });

  it('counts its instances', async () => {
    await test.client.change('PATCH', '/1.0/projects/guarded', { config: { 'limits.containers': '2' } });
    await test.client.change('POST', `/1.0/instances?${project}`, { name: 'two', source: { type: 'none' } });
    expect(await attempt('POST', `/1.0/instances?${project}`, { name: 'three', source: { type: 'none' } })).toBe('Reached maximum number of instances of type "container" in project "guarded"');
  });
});
