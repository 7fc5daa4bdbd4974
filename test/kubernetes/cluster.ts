import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, issueCertificate } from '@asterism/certificates';
import type { Captured, CaptureOptions } from '../servers/capture.js';
import { IsolatedHost } from '../servers/isolated-host.js';
import { coreDns } from './cluster-dns.js';
import { addresses, Directories, kubeconfig, nodeConfigurations, podNetwork } from './configuration.js';
import { builtPrograms, requireDebian } from './programs.js';
import { Daemon } from './daemon.js';
import { writeSandboxImage } from './sandbox-image.js';

const users = {
  admin: 'system:masters',
  'system:kube-controller-manager': '',
  'system:kube-scheduler': '',
  'system:kube-proxy': 'system:node-proxier',
  'system:node:node': 'system:nodes',
  'system:serviceaccount-dns': 'system:masters',
};

/**
 * A Kubernetes of one node in namespaces of its own: etcd, API server, controller manager, scheduler, containerd, kubelet, kube-proxy and the
 * DNS of the cluster. Ending it leaves nothing behind.
 */
export class KubernetesCluster {
  readonly #daemons: Daemon[] = [];

  private constructor(
    readonly host: IsolatedHost,
    private readonly bin: string,
  ) {}

  /** The one that `hold.js` keeps in this directory; it stays. */
  static held(directory: string): KubernetesCluster {
    return new KubernetesCluster(IsolatedHost.ofAnother(directory, Number(readFileSync(join(directory, 'pid'), 'utf8'))), builtPrograms());
  }

  static async start(tell: (line: string) => void = () => {}): Promise<KubernetesCluster> {
    requireDebian();
    const cluster = new KubernetesCluster(await IsolatedHost.start('kubernetes'), builtPrograms());
    try {
      await cluster.#start(tell);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get directory(): string {
    return this.host.directory;
  }

  /** Runs on the node as its administrator. */
  async shell(script: string, options: CaptureOptions = {}): Promise<Captured> {
    const env = { LXD_CONF: join(this.directory, 'home', '.config', 'lxc'), PATH: `${this.bin}:${process.env['PATH']}`, KUBECONFIG: this.#kubeconfig('admin'), HOME: join(this.directory, 'home'), LC_ALL: 'C.UTF-8', ...options.env };
    return await this.host.run(['sh', '-c', script], { cwd: join(this.directory, 'home'), ...options, env });
  }

  /** What the command prints; throws where it fails. */
  async must(script: string, options: CaptureOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.shell(script, options);
    if (code !== 0) throw new Error(`${script}: exit ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  async apply(objects: string | object): Promise<string> {
    return await this.must('kubectl apply -f -', { stdin: typeof objects === 'string' ? objects : JSON.stringify(objects) });
  }

  async object<T>(line: string): Promise<T> {
    return JSON.parse(await this.must(`kubectl get ${line} --output json`)) as T;
  }

  /** An archive of an image becomes known to the node's containerd. */
  async importImage(archive: string): Promise<void> {
    await this.must(`ctr --address ${addresses.containerd} --namespace k8s.io images import ${archive}`, { timeoutMs: 300_000 });
  }

  /** The last lines of each daemon, for a failure's message. */
  logs(lines = 20): string {
    return this.#daemons.map((daemon) => `== ${daemon.name}\n${daemon.tail(lines)}`).join('\n');
  }

  async stop(): Promise<void> {
    await this.host.stop();
  }

  async #start(tell: (line: string) => void): Promise<void> {
    const directories = new Directories(this.directory);
    await this.must(directories.preparation(), { timeoutMs: 30_000 });
    writeFileSync(join(this.directory, 'pid'), String(this.host.pid));
    await this.#writeCredentials();
    for (const [name, text] of Object.entries(nodeConfigurations(this.directory, this.#kubeconfig('system:node:node'), this.#kubeconfig('system:kube-proxy')))) writeFileSync(join(this.directory, 'etc', name), text);
    writeFileSync(join(this.directory, 'etc', 'cni', 'pods.conflist'), podNetwork);
    const run = async (name: string, args: string[], ready: string): Promise<void> => {
      const daemon = new Daemon(name, this.host, join(this.directory, 'log'), this.bin);
      this.#daemons.push(daemon);
      await daemon.start(args, () => this.shell(ready, { timeoutMs: 10_000 }));
      tell(`${name} runs`);
    };
    const etc = join(this.directory, 'etc');
    await run('etcd', ['--data-dir', join(this.directory, 'etcd'), '--listen-client-urls', 'http://127.0.0.1:2379', '--advertise-client-urls', 'http://127.0.0.1:2379', '--unsafe-no-fsync'], 'ETCDCTL_API=3 etcdctl get x');
    await run('kube-apiserver', this.#apiServer(etc), 'kubectl get --raw /readyz');
    await run('kube-controller-manager', ['--kubeconfig', this.#kubeconfig('system:kube-controller-manager'), '--service-account-private-key-file', join(etc, 'accounts.key'), '--root-ca-file', join(etc, 'ca.crt'), '--use-service-account-credentials', '--cluster-cidr', addresses.pods, '--allocate-node-cidrs', '--leader-elect=false', '--authorization-always-allow-paths=/healthz'], 'kubectl get --namespace default serviceaccount default');
    await run('kube-scheduler', ['--kubeconfig', this.#kubeconfig('system:kube-scheduler'), '--leader-elect=false'], 'true');
    await run('containerd', ['--config', join(etc, 'containerd.toml')], `ctr --address ${addresses.containerd} version`);
    await this.importImage(writeSandboxImage(this.directory));
    await run('kubelet', ['--config', join(etc, 'kubelet.yaml'), '--kubeconfig', this.#kubeconfig('system:node:node'), '--hostname-override', 'node', '--node-ip', addresses.node, '--root-dir', '/var/lib/kubelet', '--v=2'], 'kubectl wait --for=condition=Ready node/node --timeout=5s');
    await run('kube-proxy', ['--config', join(etc, 'kube-proxy.yaml')], `curl --silent --insecure --max-time 2 https://${addresses.kubernetes}/version`);
    await this.apply(coreDns);
    await run('coredns', ['-conf', join(etc, 'Corefile')], `kubectl get --raw /healthz && curl --silent --fail --max-time 2 http://${addresses.node}:8181/ready`);
  }

  #apiServer(etc: string): string[] {
    return [
      '--etcd-servers', 'http://127.0.0.1:2379',
      '--advertise-address', addresses.node,
      '--kubelet-preferred-address-types', 'InternalIP',
      '--secure-port', '6443',
      '--tls-cert-file', join(etc, 'apiserver.crt'),
      '--tls-private-key-file', join(etc, 'apiserver.key'),
      '--token-auth-file', join(etc, 'tokens.csv'),
      '--authorization-mode', 'Node,RBAC',
      '--enable-admission-plugins', 'NodeRestriction',
      '--service-cluster-ip-range', addresses.services,
      '--service-account-issuer', 'https://kubernetes.default.svc',
      '--service-account-key-file', join(etc, 'accounts.pub'),
      '--service-account-signing-key-file', join(etc, 'accounts.key'),
      '--allow-privileged',
    ];
  }

  #kubeconfig(user: string): string {
    return join(this.directory, 'etc', `${user.replaceAll(':', '-')}.kubeconfig`);
  }

  /** A certificate of the API server, a key for the tokens of accounts, and a token of each of the users. */
  async #writeCredentials(): Promise<void> {
    const etc = join(this.directory, 'etc');
    mkdirSync(etc, { recursive: true });
    const authority = await createAuthority('Kubernetes of the tests');
    const server = await issueCertificate(authority, { commonName: 'kube-apiserver', dnsNames: ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'], ipAddresses: [addresses.node, addresses.kubernetes, '127.0.0.1'] });
    const accounts = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
    const token = (user: string): string => createHash('sha256').update(`${accounts.privateKey}${user}`).digest('hex');
    const files = {
      'ca.crt': authority.certificate,
      'apiserver.crt': server.certificate,
      'apiserver.key': server.key,
      'accounts.key': accounts.privateKey,
      'accounts.pub': accounts.publicKey,
      'tokens.csv': Object.entries(users).map(([user, group]) => `${token(user)},${user},${user},"${group}"\n`).join(''),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(etc, name), text, { mode: 0o600 });
    for (const user of Object.keys(users)) writeFileSync(this.#kubeconfig(user), kubeconfig(readFileSync(join(etc, 'ca.crt')), user, token(user)), { mode: 0o600 });
  }
}
