import { describe, expect, it } from 'vitest';
import { exec, launch, refusal, scenario } from './scenario.js';

const test = scenario();

describe.each(['dir', 'btrfs'])('a pool of %s', (driver) => {
  const pool = `pool-${driver}`;

  it('is made, holds instances with snapshots and copies, and goes when it is empty', async () => {
    await test.client.change('POST', '/1.0/storage-pools', { name: pool, driver, config: driver === 'btrfs' ? { size: '1GiB' } : {} });
    expect(await test.client.get(`/1.0/storage-pools/${pool}`)).toMatchObject({ name: pool, driver, status: 'Created' });
    expect(await test.client.get(`/1.0/storage-pools/${pool}/resources`)).toMatchObject({ space: { total: expect.any(Number) as number } });
    const devices = { root: { type: 'disk', path: '/', pool } };
    await launch(test.client, 'lodger', { devices });
    await exec(test.client, 'lodger', ['sh', '-c', 'echo kept > /root/file']);
    await test.client.change('POST', '/1.0/instances/lodger/snapshots', { name: 's1' });
    await exec(test.client, 'lodger', ['rm', '/root/file']);
    await test.client.change('PUT', '/1.0/instances/lodger', { restore: 's1' });
    expect((await exec(test.client, 'lodger', ['cat', '/root/file'])).stdout).toBe('kept\n');
    await test.client.change('POST', '/1.0/instances', { name: 'second', devices, source: { type: 'copy', source: 'lodger/s1' } });
    expect(refusal(await test.client.json('DELETE', `/1.0/storage-pools/${pool}`))).toMatch(/in use|not empty/i);
    for (const name of ['lodger', 'second']) await test.lxc(`delete -f ${name}`);
    await test.client.change('DELETE', `/1.0/storage-pools/${pool}`);
    const left = await test.server.shell(`ls ${test.server.stateDirectory}/storage-pools ${test.server.stateDirectory}/disks; losetup -a; cat /proc/self/mountinfo`);
    expect(left.stdout).not.toContain(pool);
  });
});

describe('a custom volume', () => {
  it('is attached to a running instance and detached again', async () => {
    await test.client.change('POST', '/1.0/storage-pools/default/volumes/custom', { name: 'data', config: {} });
    await launch(test.client, 'holder');
    await test.lxc('storage volume attach default data holder /srv/data');
    expect(await exec(test.client, 'holder', ['sh', '-c', 'echo x > /srv/data/f; cat /srv/data/f'])).toEqual({ code: 0, stdout: 'x\n' });
    expect(refusal(await test.client.json('DELETE', '/1.0/storage-pools/default/volumes/custom/data'))).toMatch(/in use/i);
    await test.lxc('storage volume detach default data holder');
    expect((await exec(test.client, 'holder', ['cat', '/srv/data/f'])).code).not.toBe(0);
    await test.lxc('delete -f holder');
    await test.client.change('DELETE', '/1.0/storage-pools/default/volumes/custom/data');
  });
});

describe('what cannot be', () => {
  it.each([
    ['an unknown driver', { name: 'x', driver: 'floppy' }],
    ['a name with a slash', { name: 'a/b', driver: 'dir' }],
    ['a name that is taken', { name: 'default', driver: 'dir' }],
    ['an unknown key', { name: 'x', driver: 'dir', config: { nonsense: '1' } }],
    ['a source that does not exist', { name: 'x', driver: 'dir', config: { source: '/does/not/exist' } }],
  ])('is refused: %s', async (_, body) => {
    const answer = await test.client.json('POST', '/1.0/storage-pools', body);
    expect(answer.http).toBeGreaterThanOrEqual(400);
    expect(await test.client.get('/1.0/storage-pools')).toEqual(['/1.0/storage-pools/default']);
  });
});
