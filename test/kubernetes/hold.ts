/** node test/dist/kubernetes/hold.js: the Kubernetes of the tests, to be looked at until it is interrupted. */
import { KubernetesCluster } from './cluster.js';

const cluster = await KubernetesCluster.start(console.log);
console.log(`enter it with: nsenter --target ${cluster.host.pid} --mount --net --pid --cgroup; its kubeconfig is ${cluster.directory}/etc/admin.kubeconfig`);
const forever = setInterval(() => {}, 60_000);
await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
clearInterval(forever);
await cluster.stop();
