import { join } from 'node:path';
import { networkPlugins } from './programs.js';
import { sandboxImage } from './sandbox-image.js';

/** Addresses inside the cluster's host, which nobody outside sees. */
export const addresses = {
  node: '198.18.0.1',
  nodes: '198.18.0.0/24',
  pods: '10.244.0.0/16',
  services: '10.96.0.0/16',
  kubernetes: '10.96.0.1',
  dns: '10.96.0.10',
  containerd: '/run/containerd/containerd.sock',
};

/** The node's directories: under one of the tests', mounted where the programs expect them. */
export class Directories {
  constructor(private readonly root: string) {}

  preparation(): string {
    const elsewhere = { kubelet: '/var/lib/kubelet', containerd: '/var/lib/containerd', run: '/run/containerd', pods: '/var/log/pods', containers: '/var/log/containers', cni: '/var/lib/cni' };
    return [
      'set -e',
      // What the agent mounts in its pod is to be seen by the node.
      'mount --make-rshared /',
      `mkdir -p ${this.root}/etc ${this.root}/log ${this.root}/claims ${this.root}/etc/cni`,
      `chmod 711 ${this.root}/claims`,
      ...Object.entries(elsewhere).flatMap(([name, path]) => [`mkdir -p ${this.root}/${name} ${path}`, `mount --bind ${this.root}/${name} ${path}`, `mount --make-rshared ${path}`]),
      // Namespaces of pods are mounted on files, which would stay.
      'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && mount --make-rshared /run/netns',
      'ip link add node0 type veth peer name node1',
      'ip link set node1 up',
      `ip address add ${addresses.node}/24 dev node0`,
      'ip link set node0 up',
      // Addresses of services are never sent anywhere, but need a way to be sent.
      'ip route add default dev node0',
      'sysctl -q -w net.ipv4.ip_forward=1',
    ].join('\n');
  }
}

export function kubeconfig(authority: Buffer, user: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'tests', cluster: { server: `https://${addresses.node}:6443`, 'certificate-authority-data': authority.toString('base64') } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'tests', context: { cluster: 'tests', user } }],
    'current-context': 'tests',
  });
}

/** Files of the node's own directory by name. */
export function nodeConfigurations(root: string, kubelet: string, proxy: string): Record<string, string> {
  return {
    'containerd.toml': containerd(root),
    'kubelet.yaml': JSON.stringify(kubeletConfiguration(root)),
    'kube-proxy.yaml': JSON.stringify({ apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', mode: 'nftables', hostnameOverride: 'node', clusterCIDR: addresses.pods, clientConnection: { kubeconfig: proxy }, conntrack: { maxPerCore: 0 } }),
    'resolv.conf': '',
    Corefile: `.:53 {\n  bind ${addresses.node}\n  ready ${addresses.node}:8181\n  errors\n  kubernetes cluster.local in-addr.arpa {\n    kubeconfig ${kubelet.replace('system-node-node', 'system-serviceaccount-dns')}\n  }\n}\n`,
  };
}

/** Each pod has a way of its own to the node, so that what goes to a service and back passes the node's tables both times. */
export const podNetwork = JSON.stringify({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    { type: 'ptp', ipMasq: false, mtu: 1500, ipam: { type: 'host-local', dataDir: '/var/lib/cni', ranges: [[{ subnet: '10.244.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

function containerd(root: string): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "${addresses.containerd}"
[plugins."io.containerd.grpc.v1.cri"]
  # Machines without CAP_SYS_RESOURCE let nobody be spared by the kernel when memory runs out.
  restrict_oom_score_adj = true
  sandbox_image = "${sandboxImage}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${networkPlugins}"
    conf_dir = "${join(root, 'etc', 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
`;
}

function kubeletConfiguration(root: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${addresses.containerd}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    clusterDNS: [addresses.dns],
    clusterDomain: 'cluster.local',
    resolvConf: join(root, 'etc', 'resolv.conf'),
    staticPodPath: '',
    registerNode: true,
    // The disk is shared with the rest of the machine: its state is not the node's fault.
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    maxPods: 60,
  };
}
