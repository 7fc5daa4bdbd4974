import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificates, common, profiles, projects, Token, type Certificates, type Profiles, type Projects } from '@asterism/proto';
import { lifecycle } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { projectsService } from './index.js';

const call = systemCall();
const parse = (document: common.Document): Record<string, unknown> => JSON.parse(document.json.toString()) as Record<string, unknown>;
const list = (value: unknown): common.Document => ({ json: Buffer.from(JSON.stringify(value)), etag: '' });
const listRequest = (project: string, recursion: number): common.ListRequest => ({ project, all_projects: false, recursion, filter: '', visible_projects: [] });

/** Instances that the fake of the instances service renders, and the profile changes it was told of. */
const instances: Record<string, unknown>[] = [];
const applied: unknown[] = [];
/** Something is made in every project that no list shows yet. */
let beingFilled = false;
let composition: TestComposition;
let projectsHandler: Projects;
let profilesHandler: Profiles;
let certificatesHandler: Certificates;

beforeAll(async () => {
  composition = await composeForTest([projectsService], {
    [Token.Instances]: {
      list: async (_call: unknown, { list: { project, all_projects } }: { list: common.ListRequest }) => list(instances.filter((instance) => all_projects || instance['project'] === project)),
      usedBy: async (_call: unknown, { kind, names }: { kind: string; names: string[] }) => ({
        by_key: Object.fromEntries(
          names.map((name) => [name, { urls: instances.filter((one) => (kind === 'project' ? one['project'] === name : (one['profiles'] as string[]).includes(name))).map((one) => `/1.0/instances/${String(one['name'])}`) }]),
        ),
      }),
      applyProfile: async (_call: unknown, request: unknown) => (applied.push(request), {}),
    },
    [Token.Images]: { list: async () => list([]), holds: async () => ({ any: beingFilled }) },
    [Token.Networks]: { list: async () => list([]), lookup: async () => ({ by_name: { lxdbr0: { name: 'lxdbr0', type: 'bridge', managed: true, config: {} } } }) },
    [Token.StoragePools]: { list: async () => list([]) },
    [Token.StorageVolumes]: { list: async () => list([]), holds: async () => ({ any: false }) },
    [Token.Cluster]: {
      getServer: async () => list({ environment: { addresses: ['127.0.0.1:8443'] } }),
      verifyTrustPassword: async (_call: unknown, { password }: { password: string }) => ({ correct: password === 'open sesame' }),
    },
  });
  projectsHandler = composition.handler(projects.ProjectsDefinition);
  profilesHandler = composition.handler(profiles.ProfilesDefinition);
  certificatesHandler = composition.handler(certificates.CertificatesDefinition);
});
afterAll(() => composition.close());

const profileUpdate = (change: Partial<profiles.UpdateProfile>): profiles.UpdateProfile => ({ project: 'default', name: 'default', config: {}, devices: {}, mode: common.UpdateMode.REPLACE, if_match: '', ...change });

describe('projects', () => {
  it('begin with default, which has the ETag of the reference server', async () => {
    const answer = await projectsHandler.get(call, { name: 'default' });
    expect(answer.etag).toBe('f47b48b5cbf34ef5be50407ca0d4e3b2c286f082c2495970db9c31cd643516ca');
    expect(parse(answer)).toMatchObject({ name: 'default', used_by: ['/1.0/profiles/default'] });
  });

  it('are created with features on and a default profile of their own', async () => {
    expect(await projectsHandler.create(call, { name: 'p1', description: '', config: {} })).toEqual({ url: '/1.0/projects/p1' });
    expect(parse(await projectsHandler.get(call, { name: 'p1' }))).toEqual({
      config: { 'features.images': 'true', 'features.profiles': 'true', 'features.storage.volumes': 'true' },
      description: '',
      name: 'p1',
      used_by: ['/1.0/profiles/default?project=p1'],
    });
    await composition.settle();
    expect(composition.events.at(-1)).toMatchObject({ kind: 'lifecycle', payload: { action: 'project-created', source: '/1.0/projects/p1', project: 'p1' } });
  });

  it('refuse names and configs in the words of the reference server', async () => {
    const create = (name: string, config: Record<string, string> = {}) => projectsHandler.create(call, { name, description: '', config });
    await expect(create('a/b')).rejects.toThrow('Project names may not contain slashes');
    await expect(create('')).rejects.toThrow('No name provided');
    await expect(create('p1')).rejects.toMatchObject({ kind: 'conflict', message: 'Failed creating project "p1": Failed adding database record: This "projects" entry already exists' });
    await expect(create('px', { nokey: '1' })).rejects.toThrow('Invalid project configuration key "nokey"');
    await expect(create('px', { restricted: 'true', 'features.profiles': 'false' })).rejects.toThrow('Projects without their own profiles cannot be restricted');
  });

  it('keep their features while in use, and go only when empty', async () => {
    instances.push({ name: 'c1', project: 'p1', type: 'container', profiles: ['default'], config: {}, devices: {}, expanded_config: {}, expanded_devices: {} });
    const update = { name: 'p1', config: {}, mode: common.UpdateMode.REPLACE, if_match: '' };
    await expect(projectsHandler.update(call, update)).rejects.toThrow('Project feature "features.images" cannot be disabled on non-empty projects');
    await expect(projectsHandler.delete(call, { name: 'p1' })).rejects.toThrow('Only empty projects can be removed');
    await expect(projectsHandler.update(call, { ...update, mode: common.UpdateMode.MERGE, config: { 'limits.containers': '0' } })).rejects.toThrow(/there currently are 1 instances/);
    instances.length = 0;
    await projectsHandler.update(call, update);
    expect(parse(await projectsHandler.get(call, { name: 'p1' }))).toMatchObject({ config: {}, used_by: [] });
  });

  it('stay for what is being made in them, and take nothing new once they are about to go', async () => {
    await projectsHandler.create(call, { name: 'brief', description: '', config: {} });
    beingFilled = true;
    await expect(projectsHandler.delete(call, { name: 'brief' })).rejects.toThrow('Only empty projects can be removed');
    await projectsHandler.requireStaying(call, { name: 'brief' });
    beingFilled = false;
    await composition.runtime.connections!.query(`UPDATE projects.projects SET leaving_until = now() + interval '1 minute' WHERE name = 'brief'`);
    await expect(projectsHandler.requireStaying(call, { name: 'brief' })).rejects.toThrow('Project not found');
    await projectsHandler.delete(call, { name: 'brief' });
    await expect(projectsHandler.requireStaying(call, { name: 'brief' })).rejects.toThrow('Project not found');
  });

  it('refuse a stale If-Match', async () => {
    const update = { name: 'p1', description: 'x', config: {}, mode: common.UpdateMode.MERGE, if_match: 'stale' };
    await expect(projectsHandler.update(call, update)).rejects.toMatchObject({ kind: 'precondition-failed' });
    await projectsHandler.update(call, { ...update, if_match: (await projectsHandler.get(call, { name: 'p1' })).etag });
  });

  it('are renamed by an operation', async () => {
    await projectsHandler.rename(call, { name: 'p1', new_name: 'p2' });
    await composition.settle();
    await expect(projectsHandler.get(call, { name: 'p1' })).rejects.toThrow('Project not found');
    await projectsHandler.delete(call, { name: 'p2' });
    await expect(projectsHandler.rename(call, { name: 'default', new_name: 'x' })).rejects.toThrow("The 'default' project cannot be renamed");
  });
});

describe('the gate', () => {
  const check = (change: Partial<projects.InstanceCheck>): projects.InstanceCheck => ({
    project: 'guarded',
    instance_name: 'new',
    instance_type: 'container',
    expanded_config: {},
    expanded_devices: {},
    local_config: {},
    local_devices: {},
    is_new: true,
    current_config: {},
    ...change,
  });

  it('applies restrictions and limits to every instance', async () => {
    await projectsHandler.create(call, { name: 'guarded', description: '', config: { restricted: 'true', 'limits.containers': '1' } });
    await projectsHandler.checkInstance(call, check({}));
    await expect(projectsHandler.checkInstance(call, check({ expanded_config: { 'security.privileged': 'true' } }))).rejects.toThrow(/^Failed checking if instance creation allowed: Invalid value "true"/);
    instances.push({ name: 'c1', project: 'guarded', type: 'container', profiles: [], config: {}, devices: {}, expanded_config: {}, expanded_devices: {} });
    await expect(projectsHandler.checkInstance(call, check({}))).rejects.toThrow('Reached maximum number of instances of type "container" in project "guarded"');
    await projectsHandler.checkInstance(call, check({ instance_name: 'c1', is_new: false }));
    instances.length = 0;
  });

  it('lets no more instances through at once than there may be', async () => {
    await projectsHandler.create(call, { name: 'crowded', description: '', config: { 'limits.containers': '2' } });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const admitted: string[] = [];
    const answers = Promise.allSettled(names.map((name) => projectsHandler.checkInstance(call, check({ project: 'crowded', instance_name: name })).then(() => admitted.push(name))));
    await expect.poll(() => admitted.length, { timeout: 10_000 }).toBe(2);
    for (const name of admitted) instances.push({ name, project: 'crowded', type: 'container', profiles: [], config: {}, devices: {}, expanded_config: {}, expanded_devices: {} });
    expect((await answers).filter((answer) => answer.status === 'fulfilled')).toHaveLength(2);
    // One that is gone leaves its room to the next, which waits for the news of it.
    const [gone] = instances.splice(0);
    const next = projectsHandler.checkInstance(call, check({ project: 'crowded', instance_name: 'f' }));
    await composition.runtime.bus.publish(lifecycle({ action: 'instance-deleted', source: `/1.0/instances/${gone!.name}?project=crowded`, project: 'crowded' }));
    await next;
  });

  it('stands before profiles too', async () => {
    const create = { project: 'guarded', name: 'bad', description: '', config: { 'security.nesting': 'true' }, devices: {} };
    await expect(profilesHandler.create(call, create)).rejects.toThrow(/Container nesting is forbidden/);
  });
});

describe('profiles', () => {
  it('are created, read, changed and resolved', async () => {
    await profilesHandler.create(call, { project: 'default', name: 'web', description: 'd', config: { 'limits.memory': '64MiB' }, devices: { eth0: { options: { type: 'nic', network: 'lxdbr0' } } } });
    await profilesHandler.update(call, profileUpdate({ name: 'web', mode: common.UpdateMode.MERGE, config: { 'user.a': 'b' } }));
    expect(applied.at(-1)).toEqual({ project: 'default', profile: 'web', new_name: '' });
    expect(parse(await profilesHandler.get(call, { project: 'default', name: 'web' }))).toEqual({
      config: { 'limits.memory': '64MiB', 'user.a': 'b' },
      description: 'd',
      devices: { eth0: { network: 'lxdbr0', type: 'nic' } },
      name: 'web',
      used_by: [],
    });
    const resolved = await projectsHandler.resolve(call, { project: 'default', profiles: ['web', 'default'] });
    expect(resolved.profiles.map((profile) => profile.name)).toEqual(['web', 'default']);
    await expect(projectsHandler.resolve(call, { project: 'default', profiles: ['nope'] })).rejects.toThrow('Requested profile "nope" doesn\'t exist');
    const users = await profilesHandler.usedBy(call, { option: 'network', values: ['lxdbr0', 'other'] });
    expect(users.by_key).toEqual({ lxdbr0: { urls: ['/1.0/profiles/web'] } });
  });

  it('refuse in the words of the reference server', async () => {
    const create = (name: string, config: Record<string, string>, devices: Record<string, Record<string, string>> = {}) =>
      profilesHandler.create(call, { project: 'default', name, description: '', config, devices: Object.fromEntries(Object.entries(devices).map(([device, options]) => [device, { options }])) });
    await expect(create('web', {})).rejects.toThrow('Error inserting "web" into database: The profile already exists');
    await expect(create('a', { nokey: '1' })).rejects.toThrow('Unknown configuration key: nokey');
    await expect(create('a', { 'volatile.x': '1' })).rejects.toThrow('Volatile keys can only be set on instances');
    await expect(create('a', {}, { e: { type: 'bogus' } })).rejects.toThrow('Device validation failed for "e": Failed loading device "e": Unsupported device type');
    await expect(create('a', {}, { eth0: { type: 'nic', network: 'nope' } })).rejects.toThrow('Device validation failed for "eth0": Failed loading device "eth0": Failed to load network "nope" for project "default": Network not found');
    await expect(create('a', {}, { root: { type: 'disk', path: '/' } })).rejects.toThrow('Device validation failed for "root": Root disk entry must have a "pool" property set');
    await expect(profilesHandler.rename(call, { project: 'default', name: 'web', new_name: 'default' })).rejects.toThrow('Name "default" already in use');
    await expect(profilesHandler.delete(call, { project: 'default', name: 'default' })).rejects.toThrow('The "default" profile cannot be deleted');
    await expect(profilesHandler.get(call, { project: 'nope', name: 'web' })).rejects.toThrow('Failed loading project "nope": Project not found');
  });

  it('keep the root disk that instances rely on', async () => {
    const root = { root: { options: { type: 'disk', path: '/', pool: 'default' } } };
    await profilesHandler.update(call, profileUpdate({ devices: root }));
    instances.push({ name: 'c1', project: 'default', type: 'container', profiles: ['default'], config: {}, devices: {}, expanded_config: {}, expanded_devices: {} });
    await expect(profilesHandler.update(call, profileUpdate({}))).rejects.toThrow("At least one instance relies on this profile's root disk device");
    await expect(profilesHandler.update(call, profileUpdate({ config: { 'user.x': 'y' }, devices: root }))).resolves.toEqual({});
    instances.length = 0;
  });

  it('of projects without their own are those of default', async () => {
    await projectsHandler.create(call, { name: 'shared', description: '', config: { 'features.profiles': 'false' } });
    expect(JSON.parse((await profilesHandler.list(call, listRequest('shared', 0))).json.toString())).toEqual(['/1.0/profiles/default', '/1.0/profiles/web']);
  });
});

describe('the trust store', () => {
  const directory = mkdtempSync(join(tmpdir(), 'asterism-trust-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const newCertificate = (name: string): Buffer => {
    const file = join(directory, `${name}.crt`);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1', '-nodes', '-keyout', '/dev/null', '-out', file, '-outform', 'DER', '-subj', `/CN=${name}`, '-days', '2'], { stdio: 'ignore' });
    return readFileSync(file);
  };
  const add = (change: Partial<certificates.AddCertificate>): certificates.AddCertificate => ({
    name: '',
    type: 'client',
    certificate: '',
    connection_certificate: Buffer.alloc(0),
    restricted: false,
    projects: [],
    password: '',
    trusted: true,
    token: false,
    server_fingerprint: 'ab',
    remote_address: '192.0.2.9',
    ...change,
  });
  const identify = (der: Buffer) => certificatesHandler.identify(call, { der });

  it('takes certificates from administrators', async () => {
    const der = newCertificate('alice');
    expect((await identify(der)).trusted).toBe(false);
    const { url } = await certificatesHandler.add(call, add({ certificate: der.toString('base64') }));
    const identity = await identify(der);
    expect(identity).toMatchObject({ trusted: true, name: 'alice', type: 'client', restricted: false });
    expect(url).toBe(`/1.0/certificates/${identity.fingerprint}`);
    await expect(certificatesHandler.add(call, add({ certificate: der.toString('base64') }))).rejects.toMatchObject({ kind: 'conflict', message: 'Certificate already in trust store' });
    await expect(certificatesHandler.add(call, add({ certificate: 'bogus' }))).rejects.toThrow('illegal base64 data at input byte 4');
    await expect(certificatesHandler.add(call, add({ type: 'bogus', certificate: 'bogus' }))).rejects.toThrow('Invalid certificate type');
    await expect(certificatesHandler.add(call, add({}))).rejects.toThrow('Client is already trusted');
    await expect(certificatesHandler.get(call, { fingerprint: '%' })).rejects.toThrow('Certificate not found');
    await expect(certificatesHandler.get(call, { fingerprint: identity.fingerprint.slice(0, 12) })).resolves.toBeDefined();
  });

  it('lets clients enrol themselves by trust password only', async () => {
    const connection_certificate = newCertificate('bob');
    await expect(certificatesHandler.add(call, add({ trusted: false, connection_certificate, password: 'wrong' }))).rejects.toMatchObject({ kind: 'forbidden', message: 'not authorized' });
    await certificatesHandler.add(call, add({ trusted: false, connection_certificate, password: 'open sesame' }));
    expect((await identify(connection_certificate)).trusted).toBe(true);
  });

  it('honours a token once, with what its issuer granted', async () => {
    const { operation } = await certificatesHandler.add(call, add({ token: true, name: 'carol', restricted: true, projects: ['shared'] }));
    const opened = composition.operations.opened.find((candidate) => candidate.id === operation?.id);
    const metadata = JSON.parse(opened!.metadata.toString()) as { secret: string; addresses: string[]; fingerprint: string };
    expect(metadata).toMatchObject({ addresses: ['127.0.0.1:8443'], fingerprint: 'ab', request: { name: 'carol', type: 'client', restricted: true, projects: ['shared'], token: true } });
    const password = Buffer.from(JSON.stringify({ client_name: 'carol', fingerprint: 'ab', addresses: ['x'], secret: metadata.secret })).toString('base64');
    Object.assign(composition.operations, { get: async () => list({ status_code: 103 }) });
    const connection_certificate = newCertificate('carol');
    await certificatesHandler.add(call, add({ trusted: false, connection_certificate, password, restricted: false, projects: [], name: 'admin' }));
    expect(await identify(connection_certificate)).toMatchObject({ trusted: true, name: 'carol', restricted: true, projects: ['shared'] });
    await expect(certificatesHandler.add(call, add({ trusted: false, connection_certificate: newCertificate('dave'), password }))).rejects.toThrow('No matching certificate add operation found');
  });

  it('lets restricted clients change nothing but the certificate of their entry', async () => {
    const [der, next] = [newCertificate('erin'), newCertificate('erin')];
    await certificatesHandler.add(call, add({ name: 'erin', restricted: true, projects: ['shared'], certificate: der.toString('base64') }));
    const { fingerprint } = await identify(der);
    const change = { fingerprint, projects: [], mode: common.UpdateMode.MERGE, if_match: '', admin: false };
    for (const escalation of [{ restricted: false }, { projects: ['default'] }, { name: 'root' }]) {
      await expect(certificatesHandler.update(call, { ...change, ...escalation })).rejects.toMatchObject({ kind: 'forbidden', message: 'Only the certificate can be changed' });
    }
    await expect(certificatesHandler.update(call, { ...change, type: 'server' })).rejects.toThrow('The certificate type cannot be changed');
    await certificatesHandler.update(call, { ...change, certificate: next.toString('base64') });
    expect((await identify(der)).trusted).toBe(false);
    expect(await identify(next)).toMatchObject({ trusted: true, restricted: true, projects: ['shared'] });
  });
});
