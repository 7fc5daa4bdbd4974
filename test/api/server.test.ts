import { describe, expect, it } from 'vitest';
import { refusal, scenario } from './scenario.js';

const test = scenario();

describe('the server', () => {
  it('names its versions, and its extensions to those it trusts', async () => {
    expect(await test.client.get('/')).toEqual(['/1.0']);
    const server = await test.client.get<{ auth: string; api_extensions: string[]; environment: Record<string, unknown>; api_version: string }>('/1.0');
    expect(server).toMatchObject({ auth: 'trusted', api_version: '1.0' });
    expect(server.api_extensions).toContain('etag');
    expect(server.environment).toMatchObject({ server_clustered: false, storage: expect.stringContaining('dir') as string });
  });

  it('answers unknown paths with 404 and unknown methods with 501', async () => {
    expect(refusal(await test.client.json('GET', '/1.0/nothing'))).toBe('404 not found');
    expect(refusal(await test.client.json('DELETE', '/1.0'))).toBe('501 not implemented');
  });

  it('refuses malformed JSON and wrong types with 400, and goes on', async () => {
    const broken = await test.client.send({ method: 'POST', path: '/1.0/profiles', headers: { 'Content-Type': 'application/json' }, body: '{"name": ' });
    expect(broken.status).toBe(400);
    expect(refusal(await test.client.json('POST', '/1.0/profiles', { name: 5 }))).toMatch(/^400 json: cannot unmarshal number/);
    expect(await test.client.get('/1.0/profiles')).toEqual(['/1.0/profiles/default']);
  });

  it('refuses a body over the limit', async () => {
    const body = JSON.stringify({ name: 'big', description: 'x'.repeat(40 * 1024 * 1024) });
    const answer = await test.client.send({ method: 'POST', path: '/1.0/profiles', headers: { 'Content-Type': 'application/json' }, body }).catch((error: NodeJS.ErrnoException) => ({ status: error.code }));
    expect([400, 413, 'EPIPE', 'ECONNRESET']).toContain(answer.status);
    expect(await test.client.get('/1.0/profiles')).toEqual(['/1.0/profiles/default']);
  });

  it('changes its configuration only for the ETag that was read', async () => {
    const read = await test.client.json<{ config: Record<string, string> }>('GET', '/1.0');
    const change = { config: { 'user.note': 'a' } };
    expect((await test.client.json('PATCH', '/1.0', change, { 'If-Match': String(read.headers.etag) })).http).toBe(200);
    expect((await test.client.json('PATCH', '/1.0', change, { 'If-Match': String(read.headers.etag) })).http).toBe(412);
    expect(refusal(await test.client.json('PATCH', '/1.0', { config: { 'core.nothing': '1' } }))).toMatch(/^400 /);
  });

  it('is reached over HTTPS with a trust password, and with a token', async () => {
    await test.lxc('config set core.https_address=127.0.0.1:18443 core.trust_password=sesame');
    await test.lxc('remote add byword 127.0.0.1:18443 --accept-certificate --password=sesame');
    expect(await test.lxc('profile list byword: --format csv')).toContain('default');
    const refused = test.server.shell('HOME=$PWD/other LXD_CONF=$PWD/other lxc remote add wrong 127.0.0.1:18443 --accept-certificate --password=open');
    expect((await refused).code).not.toBe(0);
    const token = (await test.lxc('config trust add --name laptop')).trim().split('\n').at(-1);
    const added = await test.server.shell(`LXD_CONF=$PWD/third lxc remote add bytoken ${token} && LXD_CONF=$PWD/third lxc profile list bytoken: --format csv`);
    expect(added.stdout).toContain('default');
    const again = await test.server.shell(`LXD_CONF=$PWD/fourth lxc remote add again ${token}`);
    expect(again.code).not.toBe(0);
  });
});
