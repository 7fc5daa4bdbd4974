import { createHash } from 'node:crypto';
import { LxdError } from '@asterism/errors';
import type { agentImages} from '@asterism/proto';
import { Token, images, type Agent, type Images, type common } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { composeForTest, type TestComposition } from '@asterism/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imagesService } from './index.js';

const metadata = { architecture: 'x86_64', creation_date: 1_700_000_000, expiry_date: 0, properties: { os: 'Test', 'a.b': 'c' } };

/** The files of one member, in memory; an upload whose bytes say "bad" is no image. */
class MemoryFiles implements Pick<Agent['images'], 'receive' | 'pack' | 'commit' | 'abort' | 'files' | 'read' | 'delete'> {
  readonly uploads = new Map<string, Map<string, Buffer>>();
  readonly images = new Map<string, Map<string, Buffer>>();

  async receive(_call: unknown, frames: AsyncIterable<agentImages.ReceiveFrame>): Promise<agentImages.Received> {
    const parts = new Map<string, Buffer>();
    let id = '';
    let file = '';
    for await (const { part } of frames) {
      if (part?.$case === 'header') [id, file] = [part.value.upload_id, part.value.file];
      parts.set(file, Buffer.concat([parts.get(file) ?? Buffer.alloc(0), part?.$case === 'chunk' ? part.value : Buffer.alloc(0)]));
    }
    const bytes = Buffer.concat([...parts.values()]);
    if (bytes.toString() === 'bad') throw new LxdError('bad-request', 'Unsupported compression');
    this.uploads.set(id, parts);
    const type = parts.has('rootfs.img') ? 'virtual-machine' : 'container';
    return { fingerprint: sha256(bytes), size_bytes: bytes.length, metadata: Buffer.from(JSON.stringify(metadata)), type };
  }
  async pack(_call: unknown, request: agentImages.PackImage): Promise<agentImages.Received> {
    const bytes = Buffer.from(`packed ${request.path} ${request.compression}`);
    this.uploads.set(request.upload_id, new Map([['meta', bytes]]));
    const packed = { ...metadata, expiry_date: request.expiry_date, properties: request.properties };
    return { fingerprint: sha256(bytes), size_bytes: bytes.length, metadata: Buffer.from(JSON.stringify(packed)), type: 'container' };
  }
  async commit(_call: unknown, request: agentImages.CommitImage): Promise<common.Empty> {
    this.images.set(request.fingerprint, this.uploads.get(request.upload_id)!);
    this.uploads.delete(request.upload_id);
    return {};
  }
  async abort(_call: unknown, request: agentImages.UploadName): Promise<common.Empty> {
    this.uploads.delete(request.upload_id);
    return {};
  }
  async kept(): Promise<agentImages.KeptImages> {
    return { fingerprints: [...this.images.keys()] };
  }
  async files(_call: unknown, { fingerprint }: agentImages.ImageName): Promise<agentImages.ImageFiles> {
    const parts = this.images.get(fingerprint);
    const rootfs = parts?.get('rootfs');
    return { present: !!parts, meta_bytes: parts?.get('meta')?.length ?? 0, rootfs_bytes: rootfs?.length ?? -1, meta_extension: 'tar.gz', rootfs_extension: 'squashfs', modified_at_ms: 0 };
  }
  async *read(_call: unknown, { fingerprint, file }: agentImages.ImagePart): AsyncIterable<agentImages.Chunk> {
    yield { data: this.images.get(fingerprint)!.get(file)! };
  }
  async delete(_call: unknown, { fingerprint }: agentImages.ImageName): Promise<common.Empty> {
    this.images.delete(fingerprint);
    return {};
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const call = systemCall();
const files = new MemoryFiles();
const forgotten: string[] = [];
let leavingProject = '';
let test: TestComposition;
let handler: Images;

const projects = {
  requireStaying: async (_call: unknown, { name }: { name: string }) => {
    if (name === leavingProject) throw new LxdError('not-found', 'Project not found');
    return {};
  },
  resolve: async (_call: unknown, { project, profiles }: { project: string; profiles: string[] }) => {
    if (profiles.includes('none')) throw new LxdError('not-found', 'Profile not found');
    if (project === 'nope') throw new LxdError('not-found', 'Project not found');
    return { project: { name: project, description: '', config: { 'features.images': project === 'own' ? 'true' : 'false' } }, profiles: [] };
  },
};
const instances = {
  locate: async (_call: unknown, { name }: { name: string }) => {
    if (name === 'nope') throw new LxdError('not-found', 'Instance not found');
    return { id: name, member: 'none', type: 'container', running: name === 'running' };
  },
  get: async () => ({ json: Buffer.from(JSON.stringify({ architecture: 'x86_64', expanded_devices: { root: { type: 'disk', path: '/', pool: 'p' } } })), etag: '' }),
};
const volumes = {
  locate: async (_call: unknown, { pool, name }: { pool: string; name: string }) => ({ path: `/${pool}/${name}` }),
  forgetImage: async (_call: unknown, { fingerprint }: { fingerprint: string }) => (forgotten.push(fingerprint), {}),
};

beforeAll(async () => {
  test = await composeForTest([imagesService], { [Token.Projects]: projects, [Token.Instances]: instances, [Token.Cluster]: { config: async () => ({ config: {} }) }, [Token.InstanceVolumes]: volumes }, { images: files });
  handler = test.handler<Images>(images.ImagesDefinition);
});
afterAll(() => test.close());

async function* frames(header: Partial<images.UploadHeader>, ...chunks: string[]): AsyncGenerator<images.UploadFrame> {
  yield { part: { $case: 'header', value: { project: '', content_type: 'application/octet-stream', headers: {}, ...header } } };
  for (const chunk of chunks) yield { part: { $case: 'chunk', value: Buffer.from(chunk) } };
}

async function upload(content: string, header: Partial<images.UploadHeader> = {}): Promise<string> {
  await handler.upload(call, frames(header, content));
  await test.settle();
  return sha256(Buffer.from(content));
}

/** How the last task ended. */
function outcome(): { status_code: number; error: string; metadata?: Record<string, unknown> } {
  const closed = test.events.filter((event) => event.kind === 'operation.closed').at(-1);
  return closed!.payload;
}

const ref = (fingerprint: string, more: Partial<images.ImageRef> = {}): images.ImageRef => ({ project: '', fingerprint, secret: '', public_only: false, ...more });
const listing = (more: Partial<common.ListRequest> = {}): images.ListImages => ({
  list: { project: '', all_projects: false, recursion: 0, filter: '', visible_projects: [], ...more },
  public_only: false,
});
const json = async <T = Record<string, unknown>>(document: Promise<common.Document>): Promise<T> => JSON.parse((await document).json.toString()) as T;

describe('an uploaded image', () => {
  it('is there with what its metadata and headers say', async () => {
    const fingerprint = await upload('one', { headers: { 'x-lxd-public': '1', 'x-lxd-filename': 'one.tar.gz', 'x-lxd-properties': 'a=b&os=Mine' } });
    expect(outcome()).toMatchObject({ status_code: 200, metadata: { fingerprint, size: '3' } });
    expect(await json(handler.get(call, ref(fingerprint)))).toMatchObject({
      fingerprint, size: 3, public: true, filename: 'one.tar.gz', type: 'container', architecture: 'x86_64', aliases: [], profiles: ['default'], cached: false,
      properties: { a: 'b', 'a.b': 'c', os: 'Mine' }, created_at: '2023-11-14T22:13:20Z', expires_at: '1970-01-01T00:00:00Z', last_used_at: '0001-01-01T00:00:00Z',
    });
    expect(test.events).toContainEqual(expect.objectContaining({ payload: expect.objectContaining({ action: 'image-created', source: `/1.0/images/${fingerprint}`, context: { type: 'container' } }) }));
  });

  it('is refused by its operation when the project has it already', async () => {
    const fingerprint = await upload('twice');
    await upload('twice');
    expect(outcome()).toMatchObject({ status_code: 400, error: 'Image with same fingerprint already exists', metadata: { fingerprint, size: '5' } });
    expect(files.images.has(fingerprint)).toBe(true);
    expect(files.uploads.size).toBe(0);
  });

  it('is refused by its operation when it is none', async () => {
    await upload('bad');
    expect(outcome()).toMatchObject({ status_code: 400, error: 'Unsupported compression' });
  });

  it('leaves nothing, not even an operation, when the sender goes away', async () => {
    const before = test.operations.opened.length;
    async function* broken(): AsyncGenerator<images.UploadFrame> {
      yield* frames({}, 'half');
      throw new LxdError('cancelled', 'gone');
    }
    await expect(handler.upload(call, broken())).rejects.toThrow('gone');
    expect(test.operations.opened.length).toBe(before);
    expect(files.uploads.size).toBe(0);
  });

  it('may come split, and is exported so', async () => {
    const body = '--B\r\nContent-Disposition: form-data; name="metadata"; filename="m"\r\n\r\nM\r\n--B\r\nContent-Disposition: form-data; name="rootfs"; filename="root.squashfs"\r\n\r\nR\r\n--B--\r\n';
    await handler.upload(call, frames({ content_type: 'multipart/form-data; boundary=B' }, body.slice(0, 30), body.slice(30)));
    await test.settle();
    const fingerprint = sha256(Buffer.from('MR'));
    expect(await json(handler.get(call, ref(fingerprint)))).toMatchObject({ filename: 'root.squashfs' });
    let exported = '';
    for await (const { part } of handler.export(call, ref(fingerprint))) {
      if (part?.$case === 'chunk') exported += part.value.toString();
      else expect(part?.value.content_type).toMatch(/^multipart\/form-data; boundary=/);
    }
    expect(exported).toContain(`name="rootfs"; filename="${fingerprint}.squashfs"\r\nContent-Type: application/octet-stream\r\n\r\nR\r\n--`);
  });

  it('must have its parts in order', async () => {
    await handler.upload(call, frames({ content_type: 'multipart/form-data; boundary=B' }, '--B\r\nContent-Disposition: form-data; name="rootfs"\r\n\r\nR\r\n--B--\r\n'));
    await test.settle();
    expect(outcome()).toMatchObject({ status_code: 400, error: 'Invalid multipart image' });
  });
});

describe('an instance', () => {
  const publish = async (body: object): Promise<ReturnType<typeof outcome>> => {
    await handler.create(call, { project: '', body: Buffer.from(JSON.stringify(body)) });
    await test.settle();
    return outcome();
  };

  it('becomes an image with the properties and aliases asked for', async () => {
    const { status_code, metadata: result } = await publish({ source: { type: 'instance', name: 'c1' }, properties: { a: 'b' }, aliases: [{ name: 'published', description: 'd' }] });
    expect(status_code).toBe(200);
    const fingerprint = sha256(Buffer.from('packed /p/c1 gzip'));
    expect(result).toMatchObject({ fingerprint });
    expect(await json(handler.get(call, ref(fingerprint)))).toMatchObject({ properties: { a: 'b' }, aliases: [{ name: 'published', description: 'd' }], expires_at: '0001-01-01T00:00:00Z' });
  });

  it('is refused twice, under an alias that is taken, and while it runs', async () => {
    await publish({ source: { type: 'instance', name: 'c2' }, aliases: [{ name: 'mine', description: '' }] });
    expect(await publish({ source: { type: 'instance', name: 'c2' } })).toMatchObject({ error: `The image already exists: ${sha256(Buffer.from('packed /p/c2 gzip'))}` });
    expect(await publish({ source: { type: 'instance', name: 'c3' }, aliases: [{ name: 'mine', description: '' }] })).toMatchObject({ error: 'Alias already exists: mine' });
    expect(await publish({ source: { type: 'instance', name: 'running' } })).toMatchObject({ error: 'Cannot export a running instance as an image' });
    expect(await publish({ source: { type: 'snapshot', name: 'c3' } })).toMatchObject({ error: 'Not a snapshot' });
    expect(files.uploads.size).toBe(0);
  });

  it('must exist, and the request make sense', async () => {
    await expect(publish({ source: { type: 'instance', name: 'nope' } })).rejects.toThrow('Instance not found');
    await expect(publish({ source: { type: 'bogus' } })).rejects.toThrow('Invalid images JSON');
    await expect(publish({})).rejects.toThrow('Invalid images JSON');
    await expect(publish({ source: { type: 'instance', name: 'c1' }, compression_algorithm: 'rm -rf' })).rejects.toThrow('Invalid compression algorithm "rm"');
  });
});

describe('images', () => {
  it('are found by a prefix that says enough, and by nothing else', async () => {
    const fingerprint = await upload('prefix');
    expect(await json(handler.get(call, ref(fingerprint.slice(0, 20))))).toMatchObject({ fingerprint });
    for (const wrong of ['%', '_', `${fingerprint.slice(0, 10)}%`, '', 'nope']) await expect(handler.get(call, ref(wrong))).rejects.toThrow('Image not found');
  });

  it('are listed, filtered and shown to strangers only where public', async () => {
    const shown = await upload('shown', { headers: { 'x-lxd-public': 'true', 'x-lxd-properties': 'mark=shown' } });
    const hidden = await upload('hidden', { headers: { 'x-lxd-properties': 'mark=hidden' } });
    const names = await json<string[]>(handler.list(call, listing()));
    expect(names).toEqual(expect.arrayContaining([`/1.0/images/${shown}`, `/1.0/images/${hidden}`]));
    expect(await json(handler.list(call, listing({ filter: 'properties.mark eq hidden' })))).toEqual([`/1.0/images/${hidden}`]);
    expect(await json<unknown[]>(handler.list(call, listing({ filter: 'properties.mark eq shown', recursion: 1 })))).toHaveLength(1);
    expect(await json(handler.list(call, { ...listing(), public_only: true }))).not.toContain(`/1.0/images/${hidden}`);
    await expect(handler.get(call, ref(hidden, { public_only: true }))).rejects.toThrow(`Image "${hidden}" not found`);
  });

  it('open to strangers by a secret, for a moment after its first use', async () => {
    const fingerprint = await upload('secret');
    await handler.createSecret(call, ref(fingerprint));
    const { secret } = JSON.parse(test.operations.opened.at(-1)!.metadata.toString()) as { secret: string };
    for (let use = 0; use < 2; use++) expect(await json(handler.get(call, ref(fingerprint, { public_only: true, secret })))).toMatchObject({ fingerprint });
    await expect(handler.get(call, ref(fingerprint, { public_only: true, secret: 'wrong' }))).rejects.toThrow('not found');
  });

  it('change by PUT and PATCH, under their ETag', async () => {
    const fingerprint = await upload('change');
    const change: images.UpdateImage = { project: '', fingerprint, properties: { x: 'y' }, profiles: [], keep_profiles: true, mode: 0, if_match: '' };
    const { etag } = await handler.get(call, ref(fingerprint));
    await handler.update(call, { ...change, public: true, expires_at_ms: 1_893_553_445_000, if_match: etag });
    await expect(handler.update(call, { ...change, if_match: etag })).rejects.toThrow("ETag doesn't match");
    await expect(handler.update(call, { ...change, keep_profiles: false, profiles: ['none'] })).rejects.toThrow("Profile 'none' doesn't exist");
    await handler.update(call, { ...change, mode: 1, properties: { z: 'w' }, auto_update: true, profiles: ['p'], keep_profiles: false });
    expect(await json(handler.get(call, ref(fingerprint)))).toMatchObject({
      public: true, auto_update: true, properties: { x: 'y', z: 'w' }, profiles: ['p'], expires_at: '2030-01-02T03:04:05Z',
    });
  });

  it('are deleted with their aliases, volumes and files, but not while another project has them', async () => {
    const fingerprint = await upload('shared');
    await upload('shared', { project: 'own' });
    await handler.createAlias(call, { project: '', name: 'gone', description: '', target: fingerprint, type: '' });
    await handler.delete(call, ref(fingerprint));
    await test.settle();
    await expect(handler.get(call, ref(fingerprint))).rejects.toThrow('Image not found');
    await expect(handler.getAlias(call, { project: '', name: 'gone', public_only: false })).rejects.toThrow('Image alias not found');
    expect(files.images.has(fingerprint)).toBe(true);
    await handler.delete(call, ref(fingerprint, { project: 'own' }));
    await test.settle();
    expect(files.images.has(fingerprint)).toBe(false);
    expect(forgotten).toContain(fingerprint);
  });

  it('belong to default where a project has none of its own', async () => {
    const fingerprint = await upload('inherited');
    expect(await json(handler.get(call, ref(fingerprint, { project: 'without' })))).toMatchObject({ fingerprint });
    await expect(handler.get(call, ref(fingerprint, { project: 'own' }))).rejects.toThrow('Image not found');
    await expect(handler.list(call, listing({ project: 'nope' }))).rejects.toThrow('Check if project has images: fetch project: Project not found');
  });

  it('are ensured for instances by alias, fingerprint or properties', async () => {
    const fingerprint = await upload('wanted', { headers: { 'x-lxd-properties': 'wanted=yes' } });
    await handler.createAlias(call, { project: '', name: 'wanted', description: '', target: fingerprint, type: '' });
    const ensure: images.EnsureImage = { project: '', alias: '', fingerprint: '', properties: {}, member: 'none' };
    for (const by of [{ alias: 'wanted' }, { fingerprint: fingerprint.slice(0, 30) }, { properties: { wanted: 'yes' } }]) {
      expect(await handler.ensure(call, { ...ensure, ...by })).toMatchObject({ fingerprint, type: 'container', profiles: ['default'], size_bytes: 6 });
    }
    expect(await json(handler.get(call, ref(fingerprint)))).not.toMatchObject({ last_used_at: '0001-01-01T00:00:00Z' });
    await expect(handler.ensure(call, { ...ensure, alias: 'nope' })).rejects.toThrow('Image alias not found');
    await expect(handler.ensure(call, { ...ensure, properties: { wanted: 'no' } })).rejects.toThrow('No matching image could be found');
    await expect(handler.ensure(call, ensure)).rejects.toThrow('Must specify one of alias, fingerprint or properties');
  });
});

describe('aliases', () => {
  it('are created, changed, renamed and deleted', async () => {
    const target = await upload('aliased');
    const alias = { project: '', name: 'a/1', description: 'd', target: target.slice(0, 12), type: '' };
    expect(await handler.createAlias(call, alias)).toEqual({ url: '/1.0/images/aliases/a%2F1' });
    await expect(handler.createAlias(call, alias)).rejects.toThrow('Alias "a/1" already exists');
    expect(await json(handler.getAlias(call, { project: '', name: 'a/1', public_only: false }))).toEqual({ description: 'd', target, name: 'a/1', type: 'container' });
    await handler.updateAlias(call, { project: '', name: 'a/1', description: 'e', mode: 1, if_match: '' });
    await expect(handler.updateAlias(call, { project: '', name: 'a/1', description: 'e', mode: 0, if_match: '' })).rejects.toThrow('The target field is required');
    expect(await handler.renameAlias(call, { project: '', name: 'a/1', new_name: 'a2' })).toEqual({ url: '/1.0/images/aliases/a2' });
    await expect(handler.renameAlias(call, { project: '', name: 'a/1', new_name: 'a2' })).rejects.toThrow('Alias "a2" already exists');
    expect(await json(handler.get(call, ref(target)))).toMatchObject({ aliases: [{ name: 'a2', description: 'e' }] });
    await handler.deleteAlias(call, { project: '', name: 'a2', public_only: false });
    await expect(handler.deleteAlias(call, { project: '', name: 'a2', public_only: false })).rejects.toThrow('Image alias not found');
  });

  it('need a name and an image', async () => {
    const alias = { project: '', name: 'x', description: '', target: 'ffff', type: '' };
    await expect(handler.createAlias(call, { ...alias, name: '' })).rejects.toThrow('name and target are required');
    await expect(handler.createAlias(call, alias)).rejects.toThrow('Image not found');
    await expect(handler.createAlias(call, { ...alias, name: 'a\nb' })).rejects.toThrow('Invalid alias name');
  });
});
