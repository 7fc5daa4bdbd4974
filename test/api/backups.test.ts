// proves: container_backup, backup_compression_algorithm
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Envelope, Operation } from '../http/client.js';
import { exec, launch, refusal, scenario } from './scenario.js';

const test = scenario();

interface Backup {
  name: string;
  instance_only: boolean;
}

const backups = (): Promise<Backup[]> => test.client.get<Backup[]>('/1.0/instances/kept/backups?recursion=1');

async function imported(body: Buffer, name: string, pool = ''): Promise<Envelope> {
  const headers = { 'Content-Type': 'application/octet-stream', 'X-LXD-name': name, ...(pool ? { 'X-LXD-pool': pool } : {}) };
  const answer = await test.client.send({ method: 'POST', path: '/1.0/instances', headers, body });
  return JSON.parse(answer.body.toString()) as Envelope;
}

/** Ids of operations name files; nothing of a backup may outlive it. */
async function files(): Promise<string[]> {
  return (await test.server.shell(`ls ${test.server.stateDirectory}/backups`)).stdout.split('\n').filter(Boolean);
}

describe('a backup', () => {
  it('is exported, and brought back with its snapshots by the real client', async () => {
    await launch(test.client, 'kept', { config: { 'user.a': 'b' } });
    await exec(test.client, 'kept', ['sh', '-c', 'echo one > /root/f']);
    await test.client.change('POST', '/1.0/instances/kept/snapshots', { name: 's0' });
    await exec(test.client, 'kept', ['sh', '-c', 'echo two > /root/f']);
    await test.lxc('export kept kept.tgz');
    expect(await backups()).toEqual([]);
    await test.lxc('import kept.tgz back');
    await test.lxc('start back');
    expect(await exec(test.client, 'back', ['cat', '/root/f'])).toEqual({ code: 0, stdout: 'two\n' });
    await test.client.change('PUT', '/1.0/instances/back', { restore: 's0' });
    expect(await exec(test.client, 'back', ['cat', '/root/f'])).toEqual({ code: 0, stdout: 'one\n' });
    expect(await test.lxc('config get back user.a')).toBe('b\n');
    await test.lxc('delete -f back');
    expect(await files()).toEqual([]);
  });

  it.each(['gzip', 'xz', 'zstd', 'bzip2', 'squashfs', 'none'])('of compression %s comes back', async (compression) => {
    await test.lxc(`export kept archive --compression ${compression} --instance-only`);
    await test.lxc('import archive again');
    expect(await test.client.get('/1.0/instances/again')).toMatchObject({ status: 'Stopped', config: { 'user.a': 'b' } });
    await test.lxc('delete again');
  });

  it('goes with its instance', async () => {
    await test.client.change('POST', '/1.0/instances', { name: 'short', source: { type: 'none' } });
    await test.client.change('POST', '/1.0/instances/short/backups', { name: 'b' });
    expect(await files()).toHaveLength(1);
    await test.lxc('delete short');
    expect(await files()).toEqual([]);
  });

  it('is not read from what is no archive, and nothing is left of it', async () => {
    for (const [name, bytes] of [['empty', ''], ['text', 'hello'], ['index', 'backup/index.yaml']] as const) {
      const answer = await imported(Buffer.from(bytes), name);
      expect(answer.error).not.toBe('');
    }
    await test.server.shell(`mkdir -p evil/backup/container && printf 'name: evil\\npool: default\\nbackend: dir\\ntype: container\\noptimized: false\\nconfig:\\n  container:\\n    name: evil\\n    architecture: x86_64\\n    profiles: [default]\\n    config: {}\\n' > evil/backup/index.yaml && ln -s / evil/backup/container/rootfs && tar -cf evil.tar -C evil backup/index.yaml backup/container`);
    const { stdout } = await test.server.shell('base64 -w0 evil.tar');
    const opened = await imported(Buffer.from(stdout, 'base64'), 'evil');
    const ended = await test.client.json<Operation>('GET', `${opened.operation}/wait`);
    expect(ended.metadata.err).toMatch(/Refused archive: unexpected symlink/);
    expect(refusal(await test.client.json('GET', '/1.0/instances/evil'))).toMatch(/404/);
    expect(await files()).toEqual([]);
    expect((await test.server.shell(`ls -a ${test.server.stateDirectory}/storage-pools/default/.scratch`)).stdout.trim().split('\n')).toEqual(['.', '..']);
  });
});

describe('a server that is killed', () => {
  it('ends a backup and an import one way or the other, and nothing half-made remains', async () => {
    writeFileSync(join(test.server.work, 'ballast'), Buffer.alloc(24 << 20, 'some ballast '));
    await test.lxc('file push ballast kept/root/ballast');
    await test.lxc('export kept whole.tgz');
    const { stdout } = await test.server.shell('base64 -w0 whole.tgz');
    const archive = Buffer.from(stdout, 'base64');
    for (const delayMs of [20, 120, 300]) {
      const name = `cut${delayMs}`;
      const written = await test.client.json<Operation>('POST', '/1.0/instances/kept/backups', { name });
      const brought = imported(archive, name).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await test.server.crash();
      await test.server.launch();
      await brought;
      await test.client.json('GET', `${written.operation}/wait?timeout=30`);
      for (const operation of Object.values(await test.client.get<Record<string, string[]>>('/1.0/operations')).flat()) await test.client.json('GET', `${operation}/wait?timeout=30`);
      const there = (await backups()).some((backup) => backup.name === name);
      if (there) {
        expect((await test.client.send({ path: `/1.0/instances/kept/backups/${name}/export` })).body.length).toBeGreaterThan(1000);
        await test.client.change('DELETE', `/1.0/instances/kept/backups/${name}`);
      }
      if ((await test.client.json('GET', `/1.0/instances/${name}`)).http === 200) await test.lxc(`delete -f ${name}`);
      const left = await test.server.shell(`ls ${test.server.stateDirectory}/storage-pools/default/containers ${test.server.stateDirectory}/containers | grep ${name}; ls ${test.server.stateDirectory}/backups | grep partial`);
      expect(left.stdout).toBe('');
    }
    await test.lxc('delete -f kept');
  }, 240_000);
});
