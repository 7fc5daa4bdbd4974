import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../http/client.js';
import { exec, launch, scenario } from './scenario.js';

const test = scenario();

async function upload(body: Buffer, headers: Record<string, string> = {}): Promise<Operation> {
  const answer = await test.client.send({ method: 'POST', path: '/1.0/images', headers: { 'Content-Type': 'application/octet-stream', ...headers }, body });
  const { operation, error } = JSON.parse(answer.body.toString()) as { operation: string; error: string };
  if (answer.status !== 202) throw new Error(error);
  return (await test.client.json<Operation>('GET', `${operation}/wait`)).metadata;
}

const material = (name: string): Buffer => readFileSync(join(test.server.work, name));

async function files(): Promise<string[]> {
  return (await test.server.shell(`ls ${test.server.stateDirectory}/images; ls -A /tmp | grep asterism-escaped`)).stdout.trim().split('\n').sort();
}

describe('an image', () => {
  it('is imported, shown, exported byte for byte, and deleted with its files', async () => {
    const body = material('other.tar.gz');
    const fingerprint = createHash('sha256').update(body).digest('hex');
    expect(await upload(body, { 'X-LXD-fingerprint': fingerprint })).toMatchObject({ status_code: 200, metadata: { fingerprint } });
    expect(await test.client.get(`/1.0/images/${fingerprint.slice(0, 12)}`)).toMatchObject({ fingerprint, architecture: 'x86_64', type: 'container', public: false });
    expect((await test.client.send({ path: `/1.0/images/${fingerprint}/export` })).body.equals(body)).toBe(true);
    await test.client.change('DELETE', `/1.0/images/${fingerprint}`);
    expect((await files()).join()).not.toContain(fingerprint);
  });

  it('may come as metadata and root file system', async () => {
    expect(await test.lxc('image import metadata.tar.gz rootfs.tar.gz --alias split')).toContain('fingerprint');
    await launch(test.client, 'halves', { source: { type: 'image', alias: 'split' } });
    expect((await exec(test.client, 'halves', ['echo', 'whole'])).stdout).toBe('whole\n');
    await test.lxc('delete -f halves');
    await test.lxc('image delete split');
  });
});

describe('a hostile or broken image', () => {
  it.each(['truncated.tar.gz', 'no-metadata.tar.gz', 'bad-metadata.tar.gz', 'empty.tar.gz', 'random.bin'])('is refused: %s', async (name) => {
    const before = await files();
    const outcome = await upload(material(name)).then(({ status_code, err }) => ({ status_code, err }), (error: Error) => ({ status_code: 400, err: error.message }));
    expect(outcome).toMatchObject({ status_code: 400, err: expect.stringMatching(/./) as string });
    expect(await files()).toEqual(before);
  });

  it.each(['hostile-dotdot.tar.gz', 'hostile-absolute.tar.gz', 'hostile-symlink-out.tar.gz', 'hostile-hardlink-out.tar.gz', 'hostile-rootfs-link.tar.gz', 'hostile-device.tar.gz'])(
    'reaches nothing outside of its instance: %s',
    async (name) => {
      const before = await files();
      const imported = await upload(material(name)).catch((error: Error) => ({ status_code: 400, err: error.message, metadata: null }));
      const fingerprint = imported.metadata?.['fingerprint'];
      if (imported.status_code === 200 && typeof fingerprint === 'string') {
        await test.client.change('POST', '/1.0/instances', { name: 'victim', source: { type: 'image', fingerprint } }).catch(() => undefined);
        if ((await test.client.json('GET', '/1.0/instances/victim')).http === 200) {
          expect((await test.server.shell(`find ${test.server.stateDirectory}/storage-pools/default/containers/victim -type b -o -type c`)).stdout).toBe('');
          await test.client.change('DELETE', '/1.0/instances/victim');
        }
        await test.client.change('DELETE', `/1.0/images/${fingerprint}`);
      }
      expect(await files()).toEqual(before);
      expect((await test.server.shell(`ls ${test.server.stateDirectory}/storage-pools/default/containers`)).stdout).toBe('');
    },
  );

  it('is refused when its hash is not what was announced', async () => {
    const outcome = await upload(material('other.tar.gz'), { 'X-LXD-fingerprint': 'f'.repeat(64) });
    expect(outcome).toMatchObject({ status_code: 400, err: expect.stringContaining("fingerprints don't match") as string });
  });

  it('leaves nothing when its sender goes away in the middle', async () => {
    const before = await files();
    await new Promise<void>((resolve) => {
      const socket = connect(test.server.socket, () => {
        socket.write('POST /1.0/images HTTP/1.1\r\nHost: lxd\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n');
        socket.write(Buffer.alloc(100_000), () => setTimeout(() => socket.destroy(), 100));
      });
      socket.on('close', () => resolve());
    });
    await expect.poll(files, { timeout: 10_000 }).toEqual(before);
  });

  it('does not unpack onto a full disk, and leaves room again', async () => {
    const small = join(test.server.work, 'small');
    await test.server.shell(`mkdir ${small} && mount -t tmpfs -o size=600k,mode=711 tmpfs ${small} && mkdir ${small}/pool`);
    await test.client.change('POST', '/1.0/storage-pools', { name: 'small', driver: 'dir', config: { source: `${small}/pool` } });
    const create = test.client.change('POST', '/1.0/instances', { name: 'toolarge', source: { type: 'image', alias: 'busybox' }, devices: { root: { type: 'disk', path: '/', pool: 'small' } } });
    await expect(create).rejects.toThrow(/space/i);
    expect((await test.client.json('GET', '/1.0/instances/toolarge')).http).toBe(404);
    expect((await test.server.shell(`find ${small}/pool -mindepth 2`)).stdout).toBe('');
    await test.client.change('DELETE', '/1.0/storage-pools/small');
    await test.server.shell(`umount ${small}`);
  });
});
