import { createAuthority, issueCertificate } from '@asterism/certificates';
import { LxdError } from '@asterism/errors';
import { agentFiles, agentInstances, warnings, type Warnings } from '@asterism/proto';
import { local, systemCall, type CallContext, type Service, type TlsFiles } from '@asterism/rpc';
import { Channel, remote, RpcServer } from '@asterism/rpc/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

async function party(authority: { certificate: string; key: string }): Promise<TlsFiles> {
  const own = await issueCertificate(authority, { commonName: 'asterism', dnsNames: ['asterism'] });
  return { ca: Buffer.from(authority.certificate), cert: Buffer.from(own.certificate), key: Buffer.from(own.key) };
}

let seen: CallContext | undefined;
let cancelled = false;

const warningsHandler = {
  get: async (call: CallContext, request: warnings.WarningRef) => {
    seen = call;
    if (request.uuid === 'missing') throw new LxdError('not-found', 'Warning not found – “really”');
    if (request.uuid === 'crash') throw new TypeError('a bug');
    return { json: Buffer.from(request.uuid), etag: 'e' };
  },
} as unknown as Warnings;

const filesHandler = {
  async *pull(): AsyncIterable<agentFiles.FileFrame> {
    // One buffer for all: what was yielded must be gone from it when the next is asked for.
    const chunk = Buffer.alloc(64 * 1024);
    try {
      for (let index = 0; index < 1_000; index++) yield { part: { $case: 'chunk', value: chunk.fill(index % 256) } };
    } finally {
      cancelled = true;
    }
  },
  push: async (_call: CallContext, frames: AsyncIterable<agentFiles.PushFrame>) => {
    for await (const frame of frames) if (frame.part?.$case === 'header') throw new LxdError('forbidden', 'no writing here');
    return {};
  },
} as unknown as Service<typeof agentFiles.AgentFilesDefinition>;

const sessionsHandler = {
  async *attach(_call: CallContext, frames: AsyncIterable<agentInstances.SessionFrame>): AsyncIterable<agentInstances.SessionFrame> {
    for await (const frame of frames) yield { ...frame, fd: '1' };
  },
} as unknown as Service<typeof agentInstances.AgentInstancesDefinition>;

interface Bound {
  warnings: Warnings;
  files: Service<typeof agentFiles.AgentFilesDefinition>;
  sessions: Service<typeof agentInstances.AgentInstancesDefinition>;
}

let server: RpcServer;
let channel: Channel;
let address = '';
const bound: Record<string, Bound> = {};

beforeAll(async () => {
  const authority = await createAuthority('test');
  server = new RpcServer({ listen: '127.0.0.1:0', tls: await party(authority) })
    .add(warnings.WarningsDefinition, warningsHandler)
    .add(agentFiles.AgentFilesDefinition, filesHandler)
    .add(agentInstances.AgentInstancesDefinition, sessionsHandler);
  address = `127.0.0.1:${await server.listen()}`;
  channel = new Channel({ address, tls: await party(authority), serverName: 'asterism' });
  bound['remote'] = {
    warnings: remote(warnings.WarningsDefinition, channel),
    files: remote(agentFiles.AgentFilesDefinition, channel),
    sessions: remote(agentInstances.AgentInstancesDefinition, channel),
  };
  bound['local'] = {
    warnings: local(warnings.WarningsDefinition, warningsHandler),
    files: local(agentFiles.AgentFilesDefinition, filesHandler),
    sessions: local(agentInstances.AgentInstancesDefinition, sessionsHandler),
  };
});

afterAll(async () => {
  channel.close();
  await server.close();
});

describe.each(['local', 'remote'])('a service bound %sly', (kind) => {
  it('answers, and hands the context of the call on', async () => {
    const call = { ...systemCall(), requestor: { username: 'root', protocol: 'unix', address: '@' } };
    expect((await bound[kind]!.warnings.get(call, { uuid: 'w' })).json.toString()).toBe('w');
    expect(seen).toMatchObject({ requestId: call.requestId, requestor: { username: 'root' } });
  });

  it('raises the error that the handler raised, kind and words', async () => {
    await expect(bound[kind]!.warnings.get(systemCall(), { uuid: 'missing' })).rejects.toMatchObject({ name: 'LxdError', kind: 'not-found', message: 'Warning not found – “really”' });
    await expect(bound[kind]!.warnings.get(systemCall(), { uuid: 'crash' })).rejects.toMatchObject({ kind: 'internal', message: 'a bug' });
  });

  it('streams with back-pressure and tells the handler when the reader leaves', async () => {
    cancelled = false;
    let bytes = 0;
    for await (const frame of bound[kind]!.files.pull(systemCall(), { instance_id: 'i', path: '/' })) {
      if (frame.part?.$case !== 'chunk') continue;
      expect(frame.part.value[0]).toBe((bytes / (64 * 1024)) % 256);
      bytes += frame.part.value.length;
      if (bytes > 1024 * 1024) break;
    }
    await expect.poll(() => cancelled).toBe(true);
  });

  it('fails a client stream with the handler’s error', async () => {
    const frames = async function* (): AsyncIterable<agentFiles.PushFrame> {
      yield { part: { $case: 'header', value: { file: { instance_id: 'i', path: '/x' }, type: 'file', mode: 0o644, uid: 0, gid: 0, write: 'overwrite' } } };
      for (let index = 0; index < 100; index++) yield { part: { $case: 'chunk', value: Buffer.alloc(1024) } };
    };
    await expect(bound[kind]!.files.push(systemCall(), frames())).rejects.toMatchObject({ kind: 'forbidden', message: 'no writing here' });
  });

  it('carries both directions of a session', async () => {
    const frames = async function* (): AsyncIterable<agentInstances.SessionFrame> {
      for (const data of ['a', 'b', 'c']) yield { session_id: 's', fd: '0', data: Buffer.from(data), end: false };
    };
    const echoed: string[] = [];
    for await (const frame of bound[kind]!.sessions.attach(systemCall(), frames())) echoed.push(frame.data.toString() + frame.fd);
    expect(echoed).toEqual(['a1', 'b1', 'c1']);
  });
});

describe('a process that is being replaced', () => {
  /** A channel to where nobody is yet, and what lets somebody be there. */
  async function absent(patienceMs: number): Promise<{ channel: Channel; arrive(): Promise<RpcServer> }> {
    const authority = await createAuthority('later');
    const make = async (listen: string): Promise<RpcServer> =>
      new RpcServer({ listen, tls: await party(authority) }).add(warnings.WarningsDefinition, warningsHandler).add(agentInstances.AgentInstancesDefinition, sessionsHandler);
    const first = await make('127.0.0.1:0');
    const listen = `127.0.0.1:${await first.listen()}`;
    await first.close();
    const arrive = async (): Promise<RpcServer> => {
      const server = await make(listen);
      await server.listen();
      return server;
    };
    return { channel: new Channel({ address: listen, tls: await party(authority), serverName: 'asterism', patienceMs }), arrive };
  }

  it('is waited for by calls that nobody has heard, whatever they change', async () => {
    const { channel: later, arrive } = await absent(30_000);
    const asked = remote(warnings.WarningsDefinition, later).get(systemCall(), { uuid: 'w' });
    const frames = (async function* (): AsyncIterable<agentInstances.SessionFrame> {
      yield { session_id: 's', fd: '0', data: Buffer.from('a'), end: false };
    })();
    const attached = (async () => {
      for await (const { fd } of remote(agentInstances.AgentInstancesDefinition, later).attach(systemCall(), frames)) return fd;
      return undefined;
    })();
    const server = await arrive();
    expect((await asked).json.toString()).toBe('w');
    expect(await attached).toBe('1');
    later.close();
    await server.close();
  });

  it('is lost to those without patience, who learn that nothing was sent', async () => {
    const { channel: later } = await absent(0);
    await expect(remote(warnings.WarningsDefinition, later).get(systemCall(), { uuid: 'w' })).rejects.toMatchObject({ kind: 'unavailable', unsent: true });
    later.close();
  });
});

describe('mutual TLS', () => {
  it('turns away a client of another authority', async () => {
    const foreign = new Channel({ address, tls: await party(await createAuthority('foreign')), serverName: 'asterism' });
    await expect(remote(warnings.WarningsDefinition, foreign).get(systemCall({ timeoutMs: 3_000 }), { uuid: 'w' })).rejects.toMatchObject({ name: 'LxdError' });
    foreign.close();
  });

  it('turns away a client whose own certificate another authority issued', async () => {
    const authority = await createAuthority('other');
    const own = await party(authority);
    const mixed = new Channel({ address, tls: { ...own, ca: Buffer.from((await createAuthority('x')).certificate) }, serverName: 'asterism' });
    await expect(remote(warnings.WarningsDefinition, mixed).get(systemCall({ timeoutMs: 3_000 }), { uuid: 'w' })).rejects.toMatchObject({ name: 'LxdError' });
    mixed.close();
  });
});
