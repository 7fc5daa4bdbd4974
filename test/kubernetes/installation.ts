import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnixClient } from '../http/client.js';
import { repository } from '../servers/asterism.js';
import type { KubernetesCluster } from './cluster.js';

const namespace = 'asterism';
const release = 'lab';
const chart = join(repository, 'charts/asterism');
const trustPassword = 'sesame';

interface List<T> {
  items: T[];
}

export interface Pod {
  metadata: { name: string; uid: string; labels: Record<string, string>; deletionTimestamp?: string };
  status: { phase: string; conditions?: { type: string; status: string }[] };
}

/** The chart, installed with helm on the Kubernetes of the tests, and its two clients: the stock `lxc`, and one for HTTP. */
export class Installation {
  #client: UnixClient | undefined;
  #bridge: ChildProcess | undefined;

  constructor(readonly cluster: KubernetesCluster) {}

  get stateDirectory(): string {
    return join(this.cluster.directory, 'asterism');
  }

  /** What the chart is installed with: its own stores, from images of Debian's packages. */
  get values() {
    const image = `asterism/stores:0.1.0`;
    return {
      image: { pullPolicy: 'Never' },
      postgresql: { bundled: { enabled: true, image, storage: '1Gi' } },
      nats: { bundled: { enabled: true, image, storage: '1Gi' } },
      redis: { bundled: { enabled: true, image } },
      api: { listen: '0.0.0.0', trustPasswordSecret: 'trust' },
      agent: { stateDir: this.stateDirectory, clustered: true },
    };
  }

  /** With several gateways, and agents that are replaced with the rest. */
  get upgraded(): object {
    const { agent, ...others } = this.values;
    return { ...others, services: { gateway: { replicas: 2 } }, agent: { ...agent, updateStrategy: 'RollingUpdate' } };
  }

  /** What an administrator prepares: a namespace, volumes, a password and the label of the node. */
  async prepare(): Promise<void> {
    const { directory } = this.cluster;
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'trust', namespace }, stringData: { password: trustPassword } });
    await this.cluster.must('kubectl label --overwrite node node asterism/agent=true topology.kubernetes.io/zone=north');
    for (const name of ['one', 'two']) {
      await this.cluster.must(`mkdir --parents ${directory}/claims/${name} && chmod 777 ${directory}/claims/${name}`);
      await this.cluster.apply({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: `${directory}/claims/${name}` }, persistentVolumeReclaimPolicy: 'Retain' } });
    }
  }

  async helm(line: string, values?: object, timeoutMs = 600_000): Promise<string> {
    return await this.cluster.must(`helm ${line} --namespace ${namespace}${values ? ' --values -' : ''}`, { timeoutMs, ...(values ? { stdin: JSON.stringify(values) } : {}) });
  }

  /** What helm says of the release, which is installed where it is not there. */
  async installed(): Promise<string> {
    const { code, stdout } = await this.cluster.shell(`helm status ${release} --namespace ${namespace}`);
    return code === 0 ? stdout : await this.install();
  }

  async install(): Promise<string> {
    return await this.helm(`install ${release} ${chart} --wait --timeout 8m`, this.values).catch(async (error: unknown) => {
      throw new Error(`${(error as Error).message}
${await this.story()}`);
    });
  }

  async upgrade(values: object): Promise<string> {
    return await this.helm(`upgrade ${release} ${chart} --wait --timeout 3m`, values);
  }

  async pods(selector = ''): Promise<Pod[]> {
    return (await this.cluster.object<List<Pod>>(`pods --namespace ${namespace} --selector 'app.kubernetes.io/instance=${release}${selector && `,${selector}`}'`)).items;
  }

  async kubectl(line: string, timeoutMs = 180_000): Promise<string> {
    return await this.cluster.must(`kubectl --namespace ${namespace} ${line}`, { timeoutMs });
  }

  /** Returns when every pod is ready again, none of them on its way out. */
  async ready(timeoutMs = 300_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const pods = await this.pods('app.kubernetes.io/component notin (setup,credentials)');
      const unready = pods.filter(({ metadata, status }) => metadata.deletionTimestamp || !status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'));
      if (pods.length >= 13 && unready.length === 0) return;
      if (Date.now() > deadline) throw new Error(`not ready after ${timeoutMs / 1000} s: ${unready.map(({ metadata }) => metadata.name).join(', ')}\n${await this.story()}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** A pool, a network, a profile and an image in place, and the container c1 running; what is there already stays. */
  async furnish(image: Buffer): Promise<void> {
    const missing = async (line: string): Promise<boolean> => (await this.cluster.shell(`lxc ${line}`)).code !== 0;
    await this.cluster.must('for turn in $(seq 40); do lxc cluster show node | grep "failure_domain: north" && break; sleep 1; done');
    writeFileSync(join(this.cluster.directory, 'home', 'busybox.tar.gz'), image);
    if (await missing('storage show default')) {
      await this.lxc('storage create default dir --target node');
      await this.lxc('storage create default dir');
      await this.lxc('profile device add default root disk path=/ pool=default');
    }
    if (await missing('network show lxdbr0')) {
      await this.lxc('network create lxdbr0 --target node');
      await this.lxc('network create lxdbr0 ipv4.address=10.211.9.1/24 ipv4.nat=true ipv6.address=none');
      await this.lxc('profile device add default eth0 nic name=eth0 network=lxdbr0');
    }
    if (await missing('image show busybox')) await this.lxc('image import busybox.tar.gz --alias busybox');
    if (await missing('info c1')) await this.lxc('launch busybox c1');
  }

  /** What happened, for a failure's message. */
  async story(): Promise<string> {
    const { stdout } = await this.cluster.shell(
      `kubectl --namespace ${namespace} get pods,jobs --output wide; kubectl --namespace ${namespace} get events --sort-by=.lastTimestamp | tail -30; for pod in $(kubectl --namespace ${namespace} get pods --output name); do echo "== $pod"; kubectl --namespace ${namespace} logs --tail 8 --all-containers $pod; done`,
    );
    return stdout;
  }

  /** The stock client, which has added itself with the password. */
  async lxc(line: string, stdin?: string): Promise<string> {
    return await this.cluster.must(`lxc ${line}`, stdin === undefined ? {} : { stdin });
  }

  /** Both clients go to the address of the gateways' Service. */
  async connectClients(): Promise<UnixClient> {
    const { clusterIP } = (await this.cluster.object<{ spec: { clusterIP: string } }>(`service lab-asterism --namespace ${namespace}`)).spec;
    this.close();
    await this.cluster.shell(`lxc remote switch local && lxc remote remove ${release}`);
    await this.lxc(`remote add ${release} https://${clusterIP}:8443 --accept-certificate --password ${trustPassword}`);
    await this.lxc(`remote switch ${release}`);
    const keys = join(this.cluster.directory, 'home', '.config', 'lxc');
    const socket = join(this.cluster.directory, `api-${clusterIP}.socket`);
    rmSync(socket, { force: true });
    const [file, ...args] = this.cluster.host.inside([process.execPath, join(repository, 'test/dist/kubernetes/bridge.js'), socket, `${clusterIP}:8443`, join(keys, 'client.crt'), join(keys, 'client.key')]);
    this.#bridge = spawn(file ?? '', args, { stdio: 'ignore' });
    while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 50));
    this.#client = new UnixClient(socket);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
    this.#bridge?.kill();
  }
}
