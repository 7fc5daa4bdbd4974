import { readFileSync } from 'node:fs';
import { busyboxImage } from '@asterism/images/busybox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exec, launch } from '../api/scenario.js';
import type { UnixClient } from '../http/client.js';
import { KubernetesCluster } from './cluster.js';
import { Installation } from './installation.js';
import { Load } from './load.js';
import { builtImages } from './images.js';

let cluster: KubernetesCluster;
let lab: Installation;
let client: UnixClient;

const services = ['gateway', 'operations', 'instances', 'storage', 'networks', 'images', 'cluster', 'projects', 'warnings'];

/** A directory that `hold.js` told: stages run on what stands there, which stays. */
const held = process.env['ASTERISM_KUBERNETES'];

beforeAll(async () => {
  const archives = held ? [] : builtImages();
  cluster = held ? KubernetesCluster.held(held) : await KubernetesCluster.start(console.log);
  for (const archive of archives) await cluster.importImage(archive);
  lab = new Installation(cluster);
  await lab.prepare();
}, 3_600_000);

afterAll(async () => {
  lab?.close();
  await cluster?.stop();
});

/** What each stage starts from, whichever ran before: the chart installed, and the container c1. */
async function standing(): Promise<void> {
  await lab.installed();
  await lab.ready();
  client ??= await lab.connectClients();
  await lab.furnish(await busyboxImage(readFileSync('/bin/busybox')));
}

/** In this order one goes on from where the one before it left the installation; on a cluster that is held, each runs alone too (`-t 'is upgraded'`). */
describe('the chart on a real Kubernetes', { timeout: 900_000, retry: 0 }, () => {
  test('is installed, and every pod gets ready', async () => {
    expect(await lab.installed()).toContain('STATUS: deployed');
    await lab.ready();
  });

  test('says by helm test that it serves', async () => {
    await standing();
    expect(await lab.helm('test lab --timeout 3m')).toContain('Succeeded');
  });

  test('takes the stock client, which makes a pool, a network and a container on the node', async () => {
    await standing();
    expect(await lab.lxc('exec c1 -- sh -c "echo from inside; id -u"')).toBe('from inside\n0\n');
    const { pid } = await client.get<{ pid: number }>('/1.0/instances/c1/state');
    expect(await cluster.must(`cat /proc/${pid}/uid_map`)).toMatch(/^\s*0\s+[1-9]/);
  });

  test('runs a scenario of the API through the Service', async () => {
    await standing();
    await launch(client, 'life');
    expect(await exec(client, 'life', ['sh', '-c', 'echo $A; exit 3'], { environment: { A: 'b' } })).toEqual({ code: 3, stdout: 'b\n' });
    await client.change('POST', '/1.0/instances/life/snapshots', { name: 'before', stateful: false });
    await exec(client, 'life', ['sh', '-c', 'echo two > /root/file']);
    await client.change('PUT', '/1.0/instances/life', { restore: 'before' });
    expect((await exec(client, 'life', ['cat', '/root/file'])).code).toBe(1);
    await lab.lxc('file push busybox.tar.gz life/root/archive');
    expect(await lab.lxc('exec life -- sha256sum /root/archive')).toContain((await cluster.must('sha256sum busybox.tar.gz')).slice(0, 64));
    await lab.lxc('delete --force life');
  });

  test('places nothing new on a cordoned node, unless it is asked to', async () => {
    await standing();
    const placed = (member: boolean) => cluster.must(`until lxc query /1.0/cluster/members/node > /dev/null; do sleep 1; done; for turn in $(seq 20); do ${member ? '' : '! '}lxc init busybox probe 2> /dev/null && break; lxc delete probe 2> /dev/null; sleep 1; done; ${member ? 'lxc delete probe' : '! lxc info probe 2> /dev/null'}`);
    await cluster.must('kubectl cordon node && kubectl annotate node node asterism/description="rack 7"');
    await placed(false);
    await lab.lxc('init busybox wanted --target node');
    expect(await lab.lxc('cluster show node')).toMatch(/description: rack 7/);
    await cluster.must('kubectl uncordon node');
    await placed(true);
    await lab.lxc('delete wanted');
  });

  test.each([...services, 'nats', 'redis', 'postgresql', 'node-agent'])('keeps instances and accepted operations while the pod of %s is deleted under load', async (component) => {
    await standing();
    const before = await firstProcess();
    const started = new Map<string, string>();
    const load = new Load(client, {
      list: async (one) => void (await one.get('/1.0/instances?recursion=1')),
      create: async (one) => {
        const name = `n${component}-${started.size}`;
        const { operation, error } = await one.json('POST', '/1.0/instances', { name, source: { type: 'image', alias: 'busybox' } });
        if (!operation) throw new Error(error);
        started.set(name, operation);
      },
    }, 200);
    for (const { metadata } of await lab.pods(`app.kubernetes.io/component=${component}`)) await lab.kubectl(`delete pod ${metadata.name} --ignore-not-found --wait=true`);
    await lab.ready();
    const report = await load.stop();
    console.log(`while the pod of ${component} was deleted:`, JSON.stringify(report));
    expect(await firstProcess()).toEqual(before);
    expect(await lab.lxc('exec c1 -- echo still here')).toBe('still here\n');
    expect(started.size).toBeGreaterThan(0);
    for (const operation of started.values()) await client.wait(operation);
    for (const name of started.keys()) await client.change('DELETE', `/1.0/instances/${name}`);
  });

  test.each([
    { what: 'is upgraded', from: 'info', change: () => lab.upgrade({ ...lab.upgraded, logLevel: 'debug' }) },
    { what: 'is rolled back', from: 'debug', change: () => lab.helm('rollback lab --wait --timeout 3m') },
  ])('$what under load without a failed request', async ({ from, change }) => {
    await standing();
    // The change makes a new pod of each part, the agent's too.
    for (const logLevel of from === 'info' ? ['info'] : ['info', 'debug']) {
      const { agent, logLevel: now } = JSON.parse(await lab.helm('get values lab --output json')) as { agent: { updateStrategy?: string }; logLevel?: string };
      if (!agent.updateStrategy || (now ?? 'info') !== from) await lab.upgrade({ ...lab.upgraded, logLevel });
    }
    await lab.ready();
    const before = await firstProcess();
    const agents = await lab.pods('app.kubernetes.io/component=node-agent');
    const load = new Load(client, {
      list: async (one) => void (await one.get('/1.0/instances?recursion=1')),
      state: async (one) => void (await one.get('/1.0/instances/c1/state')),
      change: async (one) => void (await one.change('PATCH', '/1.0/instances/c1', { config: { 'user.turn': String(Math.random()) } })),
      exec: async (one) => {
        const { operation, error } = await one.json('POST', '/1.0/instances/c1/exec', { command: ['true'], 'wait-for-websocket': false, interactive: false });
        if (!operation) throw new Error(error);
        const { metadata } = await one.wait(operation);
        if (metadata?.['return'] !== 0) throw new Error(JSON.stringify(metadata));
      },
    });
    await change();
    await lab.ready();
    const report = await load.stop();
    console.log('meanwhile:', JSON.stringify(report));
    expect(report.failures).toEqual({});
    expect(await firstProcess()).toEqual(before);
    expect((await lab.pods('app.kubernetes.io/component=node-agent')).map(({ metadata }) => metadata.uid)).not.toEqual(agents.map(({ metadata }) => metadata.uid));
  });

  test('is uninstalled, and leaves instances and data as documented', async () => {
    await standing();
    const before = await firstProcess();
    await lab.helm('uninstall lab --wait --timeout 3m');
    expect(await cluster.must(startOf(before.pid))).toBe(before.started);
    expect(await lab.kubectl('get secrets,persistentvolumeclaims --output name')).toContain('secret/lab-asterism-authority');
    await lab.install();
    await lab.ready();
    client = await lab.connectClients();
    expect(await lab.lxc('exec c1 -- echo found again')).toBe('found again\n');
    expect(await firstProcess()).toEqual(before);
  });
});

/** When a process of the node was started, in ticks since it booted. */
function startOf(pid: number): string {
  return `cut --delimiter=' ' --fields=22 /proc/${pid}/stat`;
}

/** Of c1, as the API tells it and the node sees it. */
async function firstProcess(): Promise<{ pid: number; started: string }> {
  const { status, pid } = await client.get<{ status: string; pid: number }>('/1.0/instances/c1/state');
  expect(status).toBe('Running');
  return { pid, started: await cluster.must(startOf(pid)) };
}
