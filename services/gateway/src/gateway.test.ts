import { LocalAgents } from '@asterism/agents';
import { asyncEnvelope } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import { event } from '@asterism/events';
import { deployables, Token, type Agent, type common, type instances } from '@asterism/proto';
import { local, type Service, type ServiceDefinition } from '@asterism/rpc';
import { compose, openRuntime, readEnvironment, type Composition, type Runtime } from '@asterism/service';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { selfSignedCertificate, type Credentials } from '@asterism/certificates';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { gatewayService } from './index.js';

interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

let directory: string;
let runtime: Runtime;
let composition: Composition;
let client: Credentials;
let serverConfig: Record<string, string> = {};
let identity = { trusted: false, fingerprint: 'f', name: 'me', type: 'client', restricted: false, projects: [] as string[] };
const calls: { name: string; request: unknown }[] = [];
const received: Buffer[] = [];

const json = (value: unknown) => ({ json: Buffer.from(JSON.stringify(value)), etag: 'abc' });
const operation = { id: '11111111-2222-3333-4444-555555555555', json: Buffer.from('{"id":"x"}') };

/** Handlers that remember what they were asked. */
const services: Record<string, object> = {
  [Token.Cluster]: {
    config: async () => ({ config: serverConfig }),
    getServer: async () => json({ config: { 'core.https_address': '' }, environment: { server: 'lxd', server_version: '5.0.2' } }),
    updateServer: async (_: unknown, request: unknown) => void calls.push({ name: 'updateServer', request }),
  },
  [Token.Certificates]: {
    identify: async () => identity,
    add: async (_: unknown, request: unknown) => (calls.push({ name: 'add', request }), { url: '/1.0/certificates/f', operation: undefined }),
    list: async () => json([]),
  },
  [Token.Profiles]: {
    list: async (_: unknown, request: unknown) => (calls.push({ name: 'list', request }), json(['/1.0/profiles/default'])),
    get: async (_: unknown, { name }: { name: string }) => {
      if (name !== 'default') throw new LxdError('not-found', 'Profile not found');
      return json({ name });
    },
    create: async (_: unknown, { name }: { name: string }) => ({ url: `/1.0/profiles/${name}` }),
    update: async (_: unknown, request: { if_match: string }) => {
      calls.push({ name: 'update', request });
      if (request.if_match === '"stale"') throw new LxdError('precondition-failed', "ETag doesn't match: abc vs stale");
      return {};
    },
    delete: async () => {
      throw new Error('the disk is on fire');
    },
  },
  [Token.Instances]: {
    list: async (_: unknown, request: instances.ListInstances) => (calls.push({ name: 'instances', request }), request.list?.project === 'paged' ? pageOf(request.page?.after ?? '') : json([])),
    locate: async () => ({ id: 'i1', member: 'none', type: 'container', running: true }),
    create: async (_: unknown, request: unknown) => (calls.push({ name: 'create', request }), operation),
    exec: async (): Promise<instances.SessionAnswer> => ({ operation, member: 'none', secrets: { '0': 's0', '1': 's1', control: 'sc' } }),
  },
  [Token.Operations]: { get: async () => json({ class: 'websocket' }) },
  [Token.Images]: {
    list: async (_: unknown, request: unknown) => (calls.push({ name: 'images', request }), json([])),
    upload: async (_: unknown, frames: AsyncIterable<{ part: { $case: string; value: unknown } }>) => {
      for await (const { part } of frames) {
        if (part.$case === 'header') calls.push({ name: 'upload', request: part.value });
        else received.push(part.value as Buffer);
      }
      return operation;
    },
    create: async (_: unknown, request: unknown) => (calls.push({ name: 'createImage', request }), operation),
    getAlias: async (_: unknown, { name }: { name: string }) => json({ name }),
  },
};

/** Three pages with an entry each; the second of two is empty. */
function pageOf(after: string): common.Document {
  const [urls, next] = { '': [['/1.0/instances/c1'], 'second'] as const, second: [[], 'filled'] as const, filled: [['/1.0/instances/c2'], 'third'] as const, third: [['/1.0/instances/c3'], undefined] as const }[after]!;
  return { ...json([...urls]), ...(next === undefined ? {} : { next }) };
}

const agent = {
  files: {
    async *pull(_: unknown, { path }: { path: string }) {
      if (path === '/none') throw new LxdError('not-found', 'Not Found');
      const header = { type: path === '/' ? 'directory' : 'file', mode: 0o644, uid: 0, gid: 0, size_bytes: 5, modified_ms: 0, entries: ['etc'] };
      yield { part: { $case: 'header', value: header } };
      yield { part: { $case: 'chunk', value: Buffer.from('hello') } };
    },
  },
  instances: {
    async *attach(_: unknown, frames: AsyncIterable<{ fd: string; data: Buffer; end: boolean }>) {
      for await (const { fd, data, end } of frames) {
        if (data.length > 0) yield { session_id: '', fd, data: Buffer.from(data.toString().toUpperCase()), end: false };
        if (end) return;
      }
    },
  },
} as unknown as Agent;

beforeAll(async () => {
  client = await selfSignedCertificate({ commonName: 'me' });
  directory = await mkdtemp(join(tmpdir(), 'gateway-'));
  runtime = await openRuntime({ ...readEnvironment({}), stateDir: directory }, false);
  const agents = new LocalAgents('none');
  agents.bind(agent);
  composition = await compose({
    runtime,
    services: [gatewayService],
    agents,
    definitions: Object.values(deployables).flat(),
    remoteService: (definition) => local(definition, (services[definition.fullName] ?? {}) as Service<ServiceDefinition>),
    remoteTaskOwner: () => undefined,
    composition: 'standalone',
  });
  await composition.start();
});

afterAll(async () => {
  await composition.close();
  await runtime.close();
  await rm(directory, { recursive: true });
});

function ask(method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ socketPath: join(directory, 'unix.socket'), method, path, headers: options.headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    sent.on('error', reject);
    sent.end(options.body);
  });
}

const errorText = (code: number, error: string): string =>
  `{"type":"error","status":"","status_code":0,"operation":"","error_code":${code},"error":${JSON.stringify(error)},"metadata":null}\n\n`;

describe('answers', () => {
  it('wrap documents unread, with their ETag', async () => {
    const answer = await ask('GET', '/1.0/profiles/default');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', etag: '"abc"' });
    expect(answer.body).toBe('{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":{"name":"default"}}\n');
  });

  it('of creations are 201 with the URL', async () => {
    const answer = await ask('POST', '/1.0/profiles', { body: '{"name":"p"}' });
    expect([answer.status, answer.headers['location']]).toEqual([201, '/1.0/profiles/p']);
    expect(answer.body).toContain('"metadata":null}');
  });

  it('of operations are 202 with their URL', async () => {
    const answer = await ask('POST', '/1.0/containers', { body: '{"name":"c1","source":{"type":"none"},"profiles":[]}' });
    expect([answer.status, answer.headers['location']]).toEqual([202, `/1.0/operations/${operation.id}`]);
    expect(answer.body).toBe(asyncEnvelope(`/1.0/operations/${operation.id}`, operation.json).toString());
    expect(calls.at(-1)?.request).toMatchObject({ name: 'c1', view: 'containers', type: 'container', profiles: { names: [] } });
  });

  it('of changes are empty', async () => {
    expect((await ask('PATCH', '/1.0/profiles/default', { body: '{}' })).body).toContain('"metadata":{}}');
    expect(calls.at(-1)?.request).toMatchObject({ name: 'default', project: 'default', mode: 1, if_match: '' });
  });
});

describe('errors', () => {
  it.each([
    ['GET', '/1.0/nope', 404, 'not found'],
    ['GET', '/1.0/', 404, 'not found'],
    ['GET', '//1.0', 404, 'not found'],
    ['POST', '/1.0', 501, 'not implemented'],
    ['HEAD', '/1.0', 501, ''],
    ['PATCH', '/1.0/instances', 501, 'not implemented'],
    ['TRACE', '/1.0', 404, 'Method "TRACE" not found'],
    ['GET', '/1.0/profiles/nope', 404, 'Profile not found'],
    ['GET', '/1.0/instances/a%2Fb', 400, 'Invalid instance name'],
    ['GET', '/1.0/events', 400, undefined],
    ['GET', '/1.0/operations/x/websocket', 500, 'missing secret'],
    ['GET', '/1.0/instances/c1/logs/..%2Fpasswd', 400, 'Log file name "../passwd" not valid'],
    ['GET', '/1.0/instances/c1/files?path=/none', 404, 'Not Found'],
    ['DELETE', '/1.0/profiles/default', 500, 'the disk is on fire'],
  ])('%s %s gives %i %s', async (method, path, status, message) => {
    const answer = await ask(method, path);
    expect(answer.status).toBe(status);
    if (message) expect(answer.body).toBe(errorText(status, message));
  });

  it('of a stale ETag and of bad bodies are told in LXD\'s words', async () => {
    expect((await ask('PUT', '/1.0/profiles/default', { body: '{}', headers: { 'If-Match': '"stale"' } })).status).toBe(412);
    expect((await ask('POST', '/1.0/profiles', { body: '{"name":' })).body).toBe(errorText(400, 'unexpected EOF'));
    expect((await ask('POST', '/1.0/profiles', { headers: { 'content-length': '0' } })).body).toBe(errorText(400, 'EOF'));
    expect((await ask('POST', '/1.0/profiles', { body: 'x'.repeat(17 * 1024 * 1024) }).catch(() => ({ status: 413 }))).status).toBe(413);
  });

  it('answer pages of other sites', async () => {
    expect((await ask('GET', '/1.0', { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status).toBe(403);
    expect((await ask('POST', '/1.0/profiles', { body: '{}', headers: { Origin: 'https://evil' } })).status).toBe(403);
  });
});

describe('the server', () => {
  it('tells its versions whatever the verb', async () => {
    for (const method of ['GET', 'POST']) expect((await ask(method, '/')).body).toContain('"metadata":["/1.0"]');
    expect((await ask('OPTIONS', '/1.0/nope')).status).toBe(200);
  });

  it('shows everything to the unix socket', async () => {
    const { metadata } = JSON.parse((await ask('GET', '/1.0')).body) as { metadata: Record<string, unknown> };
    expect(metadata).toMatchObject({ auth: 'trusted', api_version: '1.0', environment: { project: 'default', server: 'lxd' }, config: {} });
  });

  it('is ready', async () => expect((await ask('GET', '/internal/ready')).status).toBe(200));
});

describe('lists', () => {
  it('pass recursion, filter and projects down', async () => {
    await ask('GET', '/1.0/virtual-machines?recursion=2&filter=name%20eq%20a&all-projects=true');
    expect(calls.at(-1)?.request).toEqual({
      list: { project: 'default', all_projects: true, recursion: 2, filter: 'name eq a', visible_projects: [] },
      type: 'virtual-machine',
      view: 'virtual-machines',
      page: { limit: 0, after: '' },
    });
  });

  it('that come in pages are one answer', async () => {
    const answer = await ask('GET', '/1.0/instances?project=paged');
    expect((JSON.parse(answer.body) as { metadata: unknown }).metadata).toEqual(['/1.0/instances/c1', '/1.0/instances/c2', '/1.0/instances/c3']);
    expect(answer.headers['link']).toBeUndefined();
  });

  it('that are asked for in pages say where the next one is', async () => {
    const first = await ask('GET', '/1.0/instances?project=paged&limit=1');
    expect((JSON.parse(first.body) as { metadata: unknown }).metadata).toEqual(['/1.0/instances/c1']);
    expect(first.headers['link']).toBe('</1.0/instances?project=paged&limit=1&after=second>; rel="next"');
    const last = await ask('GET', '/1.0/instances?project=paged&limit=1&after=third');
    expect(last.headers['link']).toBeUndefined();
    expect((await ask('GET', '/1.0/instances?limit=none')).status).toBe(400);
  });
});

describe('streams', () => {
  it('carry files with their headers', async () => {
    const file = await ask('GET', '/1.0/instances/c1/files?path=/etc/passwd');
    expect(file.body).toBe('hello');
    expect(file.headers).toMatchObject({ 'x-lxd-mode': '0644', 'content-length': '5', 'content-disposition': 'inline;filename=passwd' });
    expect((await ask('GET', '/1.0/instances/c1/files?path=/')).body).toContain('"metadata":["etc"]');
  });

  it('carry uploads, and tell JSON from images', async () => {
    await ask('POST', '/1.0/images', { body: 'tar', headers: { 'X-LXD-public': '1' } });
    expect(calls.at(-1)).toMatchObject({ name: 'upload', request: { headers: { 'x-lxd-public': '1' } } });
    expect(Buffer.concat(received).toString()).toBe('tar');
    await ask('POST', '/1.0/images', { body: ' {"source":{"type":"image"}}' });
    expect(calls.at(-1)?.name).toBe('createImage');
  });

  it('reach aliases with slashes', async () => {
    expect((await ask('GET', '/1.0/images/aliases/debian/12')).body).toContain('"name":"debian/12"');
    expect((await ask('GET', '/1.0/images/aliases/debian%2F12')).body).toContain('"name":"debian/12"');
  });
});

describe('websockets', () => {
  const open = (path: string, headers: Record<string, string> = {}) => new WebSocket(`ws+unix://${join(directory, 'unix.socket')}:${path}`, { headers });

  it('join a session once', async () => {
    await ask('POST', '/1.0/instances/c1/exec', { body: '{"command":["sh"],"wait-for-websocket":true}' });
    const path = `/1.0/operations/${operation.id}/websocket?secret=s0`;
    const socket = open(path);
    const messages: [string, boolean][] = [];
    socket.on('message', (data: Buffer, isBinary) => messages.push([data.toString(), isBinary]));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(Buffer.from('hi'));
    socket.send('');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(messages).toEqual([
      ['HI', true],
      ['', false],
    ]);
    const again = open(path);
    expect(await new Promise((resolve) => again.once('error', (error) => resolve(error.message)))).toContain('500');
  });

  it('pass the events that were asked for', async () => {
    const socket = open('/1.0/events?type=lifecycle');
    await new Promise((resolve) => socket.once('open', resolve));
    const next = new Promise((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString())));
    const entry = (type: string, project: string) => ({ cursor: 1, type, project, json: `{"type":"${type}","project":"${project}"}` });
    await runtime.bus.publish(event('journal.appended', { cursor: 3, entries: [entry('operation', 'default'), entry('lifecycle', 'p1'), entry('lifecycle', 'default')] }));
    expect(await next).toBe('{"type":"lifecycle","project":"default"}');
    socket.terminate();
  });

  it('are refused to other sites and for bad types', async () => {
    for (const [path, headers, status] of [['/1.0/events', { Origin: 'https://evil' }, '403'], ['/1.0/events?type=bogus', {}, '500']] as const) {
      const socket = open(path, headers);
      expect(await new Promise((resolve) => socket.once('error', (error) => resolve(error.message)))).toContain(status);
    }
  });
});

describe('HTTPS', () => {
  const port = 30_000 + (process.pid % 10_000);

  async function asks(method: string, path: string, body = '', who: Partial<typeof identity> = {}, certificate: Credentials | undefined = client): Promise<Reply> {
    identity = { trusted: true, fingerprint: 'f', name: 'me', type: 'client', restricted: false, projects: [], ...who };
    await runtime.bus.publish(event('certificates.changed', { fingerprints: [] }));
    return new Promise((resolve, reject) => {
      const tls = certificate ? { cert: certificate.certificate, key: certificate.key } : {};
      const sent = httpsRequest({ port, host: '127.0.0.1', method, path, rejectUnauthorized: false, agent: false, ...tls }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() }));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  beforeAll(async () => {
    serverConfig = { 'core.https_address': `127.0.0.1:${port}` };
    await runtime.bus.publish(event('config.changed', { keys: ['core.https_address'] }));
  });

  it('shows strangers how to log in and no more', async () => {
    for (const certificate of [client, undefined]) {
      const { metadata } = JSON.parse((await asks('GET', '/1.0', '', { trusted: false }, certificate)).body) as { metadata: Record<string, unknown> };
      expect(metadata).toMatchObject({ auth: 'untrusted', auth_methods: ['tls'] });
      expect(Object.keys(metadata)).not.toContain('environment');
      expect((await asks('GET', '/1.0/instances', '', { trusted: false }, certificate)).body).toBe(errorText(403, 'not authorized'));
    }
    await asks('GET', '/1.0/images', '', { trusted: false });
    expect(calls.at(-1)?.request).toMatchObject({ public_only: true });
  });

  it('lets a stranger ask for trust with a password, never for a token', async () => {
    expect((await asks('POST', '/1.0/certificates', '{"type":"client","password":"x"}', { trusted: false })).status).toBe(201);
    expect(calls.at(-1)?.request).toMatchObject({ trusted: false, password: 'x' });
    expect((await asks('POST', '/1.0/certificates', '{"type":"client","token":true}', { trusted: false })).status).toBe(403);
  });

  it('keeps restricted clients in their projects', async () => {
    const restricted = { restricted: true, projects: ['p1'] };
    expect((await asks('GET', '/1.0/instances', '', restricted)).status).toBe(403);
    expect((await asks('GET', '/1.0/instances?project=p1', '', restricted)).status).toBe(200);
    expect((await asks('GET', '/1.0/instances?all-projects=true', '', restricted)).status).toBe(200);
    expect(calls.at(-1)?.request).toMatchObject({ list: { visible_projects: ['p1'] } });
    expect((await asks('PUT', '/1.0', '{}', restricted)).status).toBe(403);
    expect((await asks('PUT', '/1.0/certificates/other', '{}', restricted)).status).toBe(403);
    expect((await asks('POST', '/1.0/certificates', '{"type":"client"}', restricted)).status).toBe(403);
  });

  it('shows a restricted client without projects nothing rather than all', async () => {
    await asks('GET', '/1.0/instances?all-projects=true', '', { restricted: true, projects: [] });
    expect(calls.at(-1)?.request).toMatchObject({ list: { visible_projects: ['/'] } });
  });

  it('trusts known certificates, but not with what is local', async () => {
    expect((await asks('GET', '/1.0/instances')).status).toBe(200);
    expect((await asks('GET', '/internal/ready')).status).toBe(403);
  });

  it('stops listening when the address is taken away', async () => {
    serverConfig = {};
    await runtime.bus.publish(event('config.changed', { keys: ['core.https_address'] }));
    await expect(asks('GET', '/1.0')).rejects.toThrow('ECONNREFUSED');
  });
});
