/** node test/dist/kubernetes/hold.js: the Kubernetes of the tests with the images, for stages of the suite one by one and to be looked at, until it is interrupted. */
import { KubernetesCluster } from './cluster.js';
import { builtImages } from './images.js';

const archives = builtImages();
const cluster = await KubernetesCluster.start(console.log);
for (const archive of archives) await cluster.importImage(archive);
console.log(`stages of the suite run on it with ASTERISM_KUBERNETES=${cluster.directory}`);
console.log(`enter it with: nsenter --target ${cluster.host.pid} --mount --net --pid --cgroup; its kubeconfig is ${cluster.directory}/etc/admin.kubeconfig`);
const forever = setInterval(() => {}, 60_000);
await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
clearInterval(forever);
await cluster.stop();
