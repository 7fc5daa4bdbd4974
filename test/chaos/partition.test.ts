import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginCluster, eventually, join, type Member } from '../cluster/members.js';
import type { Operation, RawRequest } from '../http/client.js';
import { Switch } from '../servers/switch.js';
import { json, names, send } from './recipes/recipe.js';
import { patiently } from './run-plan.js';

/** For how many seconds. */
const rounds = [4, 30];

let lan: Switch;
let first: Member;
let far: Member;
beforeAll(async () => {
  lan = await Switch.start();
  first = await beginCluster(lan, 'm1');
  far = await join(lan, first, 'm2');
  for (const name of rounds.flatMap((n) => [`runs${n}`, `stops${n}`, `goes${n}`, `kept${n}`])) await first.lxc(`init busybox ${name} --target m2`);
  for (const name of rounds.flatMap((n) => [`runs${n}`, `stops${n}`])) await first.lxc(`start ${name}`);
}, 240_000);
afterAll(async () => {
  for (const member of [far, first]) await member?.server.remove();
  await lan?.stop();
});

const keyed = (request: RawRequest): RawRequest => ({ ...request, headers: { ...request.headers, 'Idempotency-Key': randomUUID() } });

/** What is asked of the member that is cut off, and whether it was done, by the API and on the member's own host. */
const asked = (n: number): Record<string, { request: RawRequest; done: () => Promise<[api: boolean, host: boolean]> }> => ({
  stop: {
    request: keyed(json('PUT', `/1.0/instances/stops${n}/state`, { action: 'stop', force: true })),
    done: async () => [(await api<{ status: string }>(`/1.0/instances/stops${n}`)).status === 'Stopped', !(await onHost(`pgrep -f 'lxc monitor.* stops${n}$'`))],
  },
  delete: {
    request: keyed(json('DELETE', `/1.0/instances/goes${n}`)),
    done: async () => [!(await names(first.server.client, '/1.0/instances')).includes(`goes${n}`), !(await onHost(`test -e "$LXD_DIR/storage-pools/default/containers/goes${n}"`))],
  },
  snapshot: {
    request: keyed(json('POST', `/1.0/instances/kept${n}/snapshots`, { name: 's0' })),
    done: async () => [(await names(first.server.client, `/1.0/instances/kept${n}/snapshots`)) === 's0', await onHost(`test -e "$LXD_DIR/storage-pools/default/containers-snapshots/kept${n}/s0"`)],
  },
  create: {
    request: keyed(json('POST', '/1.0/instances?target=m2', { name: `made${n}`, source: { type: 'image', alias: 'busybox' } })),
    done: async () => [(await names(first.server.client, '/1.0/instances')).includes(`made${n}`), await onHost(`test -e "$LXD_DIR/storage-pools/default/containers/made${n}"`)],
  },
  exec: {
    request: keyed(json('POST', `/1.0/instances/runs${n}/exec`, { command: ['sh', '-c', 'echo x >> /root/count'], 'wait-for-websocket': false, interactive: false })),
    done: async () => {
      const times = (await far.server.shell(`cat "$LXD_DIR"/storage-pools/default/containers/runs${n}/rootfs/root/count 2>/dev/null`)).stdout.split('\n').filter(Boolean).length;
      expect(times).toBeLessThan(2);
      return [times === 1, times === 1];
    },
  },
});

const api = <T>(path: string): Promise<T> => first.server.client.get<T>(path);
const onHost = async (script: string): Promise<boolean> => (await far.server.shell(script)).code === 0;

describe.skipIf(process.env['ASTERISM_CHAOS'] !== 'full')('a member whose cable is pulled', () => {
  it.each(rounds)('for %s seconds: what it was asked ends clearly, is done once or not at all, and others go on', async (seconds) => {
    const { client } = first.server;
    const wanted = asked(seconds);
    const answers = Object.entries(wanted).map(([what, { request }]) => ({ what, answer: sleep(50).then(() => patiently(() => send(client, request))) }));
    await lan.plug(far.address, 'down');
    expect((await client.json('GET', '/1.0/instances?recursion=1')).http).toBe(200);
    await client.change('POST', `/1.0/instances?target=m1`, { name: `near${seconds}`, source: { type: 'image', alias: 'busybox' } });
    await sleep(seconds * 1_000);
    await lan.plug(far.address, 'up');
    await eventually('m2 is online', async () => (await api<{ server_name: string; status: string }[]>('/1.0/cluster/members?recursion=1')).every(({ status }) => status === 'Online'));
    for (const { what, answer } of answers) {
      const { status, operation, error } = await answer;
      const end = operation ? (await patiently(() => client.json<Operation>('GET', `${operation}/wait?timeout=90`))).metadata : undefined;
      const ok = end ? end.status === 'Success' : status < 300;
      expect.soft(['Success', 'Failure', undefined], what).toContain(end?.status);
      await eventually(`${what}: the API and the host say the same`, async () => {
        const [api, host] = await wanted[what]!.done();
        return api === host;
      });
      const [done] = await wanted[what]!.done();
      console.log(`${what}: ${status} ${end?.status ?? ''} ${end?.err ?? error}`);
      if (ok) expect.soft(done, what).toBe(true);
    }
  }, 240_000);
});
