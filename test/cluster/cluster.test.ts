import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Switch } from '../servers/switch.js';
import { beginCluster, join, type Member } from './members.js';

let lan: Switch;
const members: Member[] = [];
const [m1, m2] = [(): Member => members[0]!, (): Member => members[1]!];

beforeAll(async () => {
  lan = await Switch.start();
  members.push(await beginCluster(lan, 'm1'));
});
afterAll(async () => {
  for (const { server } of members) await server.remove();
  await lan?.stop();
});

describe('a cluster', () => {
  it('begins with one member', async () => {
    expect(await m1().lxc('cluster list --format csv')).toContain(`m1,https://${m1().address}:8443,database,x86_64,default,,ONLINE,Fully operational`);
  });

  it('takes in a host that joins with one command', async () => {
    members.push(await join(lan, m1(), 'm2'));
    for (const member of members) expect(await member.lxc('cluster list --format csv')).toContain(`m2,https://${m2().address}:8443,,x86_64,default,,ONLINE,Fully operational`);
  });

  it('launches where it is told to, and each member shows it', async () => {
    await m1().lxc('launch busybox c1 --target m2');
    for (const member of members) expect(await member.lxc('list --format csv -c nsL')).toBe('c1,RUNNING,m2\n');
    expect((await m1().lxc('exec c1 -- hostname')).trim()).toBe('c1');
    expect((await m2().lxc('exec c1 -- hostname')).trim()).toBe('c1');
  });
});
