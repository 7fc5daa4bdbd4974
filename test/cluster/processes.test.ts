import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inProcesses } from '../servers/asterism.js';
import { Switch } from '../servers/switch.js';
import { beginCluster, eventually, join, startHost, type Member } from './members.js';

let lan: Switch;
const members: Member[] = [];
const [first, second] = [(): Member => members[0]!, (): Member => members[1]!];

beforeAll(async () => {
  lan = await Switch.start();
  members.push(await beginCluster(lan, 'one', { kind: inProcesses }));
});
afterAll(async () => {
  for (const { server } of members) await server.remove();
  await lan?.stop();
});

async function token(name: string): Promise<string> {
  return (await first().lxc(`cluster add ${name} --quiet`)).trim().split('\n').at(-1)!;
}

describe('a host beside a control plane in separate processes', () => {
  it('joins with one command', async () => {
    members.push(await join(lan, first(), 'two'));
    for (const { lxc } of members) expect(await lxc('cluster list --format csv')).toContain(`two,https://${second().address}:8443,,x86_64,default,,ONLINE,Fully operational`);
    expect(await second().lxc('storage show default')).toContain('- two');
  });

  it('runs instances that every member reaches', async () => {
    await first().lxc('launch busybox c1 --target one');
    await second().lxc('launch busybox c2 --target two');
    for (const { lxc } of members) {
      expect(await lxc('list --format csv -c nsL')).toBe('c1,RUNNING,one\nc2,RUNNING,two\n');
      for (const name of ['c1', 'c2']) expect((await lxc(`exec ${name} -- hostname`)).trim()).toBe(name);
    }
    await second().lxc('file push - c1/root/from-two', 'through the door');
    expect(await first().lxc('file pull c1/root/from-two -')).toBe('through the door');
    expect(await second().lxc('file pull c1/root/from-two -')).toBe('through the door');
  });

  it('takes instances from the others and gives them back', async () => {
    await second().lxc('stop -f c1 c2');
    await second().lxc('copy c1 c3 --target two');
    await first().lxc('move c2 --target one');
    expect(await second().lxc('list --format csv -c nL')).toBe('c1,one\nc2,one\nc3,two\n');
    await second().lxc('start c2 c3');
    expect(await first().lxc('exec c3 -- cat /root/from-two')).toBe('through the door');
    await first().lxc('delete -f c1 c2');
  });

  it('is refused with a token for another, one that was used, and one that nobody gave', { timeout: 300_000 }, async () => {
    const host = await startHost(lan, 'three');
    members.push(host);
    const { metadata } = await first().server.client.json<{ environment: { certificate: string } }>('GET', '/1.0');
    const joining = (password: string) =>
      host.server.client.change('PUT', '/1.0/cluster', { enabled: true, server_name: 'three', server_address: `${host.address}:8443`, cluster_address: `${first().address}:8443`, cluster_certificate: metadata.environment.certificate, cluster_password: password });
    const forged = Buffer.from(JSON.stringify({ server_name: 'three', secret: 'a'.repeat(64), fingerprint: '', addresses: [] })).toString('base64');
    for (const password of [await token('four'), forged]) await expect(joining(password)).rejects.toThrow('No matching cluster join operation found');
    const good = await token('three');
    await joining(good);
    await eventually('it is a member', async () => (await first().lxc('cluster list --format csv')).includes('three,'));
    await expect(first().lxc('cluster add three')).rejects.toThrow('A cluster member already exists with name "three"');
    await first().lxc('cluster remove three');
    const isAlone = async () => (await host.server.shell('lxc query /1.0/cluster')).stdout.includes('"enabled": false');
    await eventually('it is a server of its own', isAlone, 150_000).catch((error: unknown) => {
      throw new Error(host.server.log.slice(-3000), { cause: error });
    });
    await expect(joining(good)).rejects.toThrow('No matching cluster join operation found');
  });

  it('is not removed with instances on it', async () => {
    await expect(first().lxc('cluster remove two')).rejects.toThrow('c3');
    await first().lxc('delete -f c3');
  });
});
