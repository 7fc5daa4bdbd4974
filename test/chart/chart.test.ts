import { expect, describe, test } from 'vitest';
import { lint, refusal, render, whyNoHelm, type Pod, type Rendered } from './render.js';

const missing = whyNoHelm();
if (missing) console.log(`the chart is not rendered: ${missing}`);

const bundled = { postgresql: { bundled: { enabled: true } }, nats: { bundled: { enabled: true } }, redis: { bundled: { enabled: true } } };
const byReference = { postgresql: { existingSecret: { name: 'pg' } }, nats: { url: 'tls://nats.example:4222' }, redis: { existingSecret: { name: 'cache', key: 'redis' } } };
const everything = {
  ...bundled,
  services: { instances: { replicas: 3 }, gateway: { autoscaling: { enabled: true }, nodeSelector: { zone: 'a' } } },
  api: { service: { type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] }, trustPasswordSecret: 'trust', certificateSecret: 'api' },
  agent: { tolerations: [{ operator: 'Exists' }], updateStrategy: 'RollingUpdate' },
  networkPolicy: { nodeCidrs: ['198.51.100.0/24', '2001:db8::/64'], apiCidrs: ['192.0.2.0/24'] },
  metrics: { enabled: true, serviceMonitor: { enabled: true }, dashboard: { enabled: true } },
  tracing: { endpoint: 'http://collector:4318' },
  image: { pullSecrets: ['registry'] },
};
const certManager = { ...byReference, tls: { certManager: { enabled: true } }, api: { certificateSecret: 'api' } };
const valueSets = { bundled, byReference, everything, certManager, withoutAgent: { ...byReference, agent: { enabled: false }, networkPolicy: { enabled: false } } };

const services = ['gateway', 'operations', 'instances', 'storage', 'networks', 'images', 'cluster', 'projects', 'warnings'];
const named = (objects: Rendered[], kind: string) => objects.filter((object) => object.kind === kind).map((object) => object.metadata.name);
const find = (objects: Rendered[], kind: string, name: string) => objects.find((object) => object.kind === kind && object.metadata.name === name)!;
const pods = (objects: Rendered[]) => objects.flatMap((object) => (object.kind === 'Pod' ? [object.spec as never] : object.spec?.template ? [object.spec.template.spec] : []));

function isUnprivileged(pod: Pod): boolean {
  const confined = pod.containers.every(
    ({ securityContext: own }) => !own?.privileged && own?.allowPrivilegeEscalation === false && own.readOnlyRootFilesystem && own.capabilities?.drop?.includes('ALL'),
  );
  return Boolean(confined && pod.securityContext?.runAsNonRoot && !pod.hostNetwork && !pod.hostPID && !pod.volumes?.some((volume) => volume.hostPath));
}

describe.skipIf(missing)('the chart', () => {
  test.each(Object.entries(valueSets))('%s: lints, and names each object once', (_name, values) => {
    expect(lint(values)).toBe('');
    const names = render(values).map((object) => `${object.apiVersion} ${object.kind} ${object.metadata.name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test('every service has a Deployment, a Service, a budget and an account', () => {
    const objects = render(byReference);
    const wanted = services.map((service) => `lab-asterism-${service}`);
    for (const kind of ['Deployment', 'PodDisruptionBudget']) expect(named(objects, kind).sort()).toEqual(wanted.toSorted());
    expect(named(objects, 'Service')).toEqual(expect.arrayContaining([...wanted, 'lab-asterism']));
    expect(named(objects, 'ServiceAccount')).toEqual(expect.arrayContaining(wanted));
  });

  test('processes find each other and their stores', () => {
    const [gateway] = find(render(byReference), 'Deployment', 'lab-asterism-gateway').spec!.template!.spec.containers;
    const env = Object.fromEntries(gateway!.env!.map(({ name, value, valueFrom }) => [name, value ?? valueFrom?.secretKeyRef]));
    expect(env).toMatchObject({
      ASTERISM_LISTEN: '0.0.0.0:8444',
      ASTERISM_NATS_URL: 'tls://nats.example:4222',
      ASTERISM_DATABASE_URL: { name: 'pg', key: 'url' },
      ASTERISM_REDIS_URL: { name: 'cache', key: 'redis' },
      ASTERISM_SERVICE_CLUSTER: 'lab-asterism-cluster:8444',
    });
    expect(Object.keys(env).filter((name) => name.startsWith('ASTERISM_SERVICE_'))).toHaveLength(services.length - 1);
  });

  test('every Secret that is mounted is made, or given by the values', () => {
    for (const values of [bundled, everything, certManager]) {
      const objects = render(values);
      const mounted = new Set(pods(objects).flatMap((pod) => (pod.volumes ?? []).flatMap((volume) => (volume.secret ? [volume.secret.secretName] : []))));
      const made = [
        'api',
        ...objects.filter(({ kind }) => kind === 'Role').flatMap(({ rules }) => rules!.flatMap(({ resourceNames }) => resourceNames ?? [])),
        ...objects.filter(({ kind }) => kind === 'Certificate').map(({ spec }) => (spec as unknown as { secretName: string }).secretName),
      ];
      expect([...mounted].filter((name) => !made.includes(name))).toEqual([]);
    }
  });

  test('everything but the agent is unprivileged', () => {
    const objects = pods(render(everything));
    expect(objects.flatMap((pod) => pod.containers).filter(({ resources }) => !resources?.requests)).toEqual([]);
    const privileged = objects.filter((pod) => !isUnprivileged(pod));
    expect(privileged.map((pod) => pod.containers[0]!.name)).toEqual(['node-agent']);
  });

  test('without a cluster nobody speaks to Kubernetes but the job of credentials, for the Secrets it keeps', () => {
    const objects = render({ ...bundled, agent: { clustered: false } });
    expect(pods(objects).filter((pod) => pod.automountServiceAccountToken !== false).map((pod) => pod.containers[0]!.name)).toEqual(['credentials']);
    expect(named(objects, 'Role').sort()).toEqual(['lab-asterism-credentials', 'lab-asterism-renewal']);
    expect(find(objects, 'Role', 'lab-asterism-renewal').rules!.filter(({ resourceNames }) => !resourceNames?.length)).toEqual([]);
    expect(find(objects, 'Role', 'lab-asterism-renewal').rules!.flatMap(({ resources, verbs }) => resources.map((resource) => `${resource}: ${verbs.join(' ')}`))).toEqual(['secrets: get update', 'daemonsets: patch', 'deployments: patch', 'statefulsets: patch']);
    expect(objects.some(({ kind }) => kind.startsWith('ClusterRole'))).toBe(false);
    const [create, keep] = find(objects, 'Role', 'lab-asterism-credentials').rules!;
    expect(create).toEqual({ apiGroups: [''], resources: ['secrets'], verbs: ['create'] });
    expect(keep!.resourceNames).toContain('lab-asterism-node-agent-tls');
  });

  test('members follow their nodes, with the right to list and watch nodes alone', () => {
    const objects = render({ ...bundled, agent: { clustered: true, nodeSelector: { 'asterism/agent': 'true', pool: 'b' } } });
    expect(find(objects, 'ClusterRole', 'asterism-lab-asterism-nodes').rules).toEqual([{ apiGroups: [''], resources: ['nodes'], verbs: ['list', 'watch'] }]);
    const tokens = pods(objects).filter((pod) => pod.automountServiceAccountToken !== false).map((pod) => pod.containers[0]!.name);
    expect(tokens.sort()).toEqual(['cluster', 'credentials']);
    const env = (kind: string, name: string) => Object.fromEntries(find(objects, kind, name).spec!.template!.spec.containers[0]!.env!.map((one) => [one.name, one.value ?? one.valueFrom]));
    expect(env('Deployment', 'lab-asterism-cluster')['ASTERISM_NODES']).toBe('asterism/agent=true,pool=b');
    expect(env('DaemonSet', 'lab-asterism-node-agent')['ASTERISM_MEMBER']).toEqual({ fieldRef: { fieldPath: 'spec.nodeName' } });
    expect(env('Deployment', 'lab-asterism-images')).not.toHaveProperty('ASTERISM_NODES');
  });

  test('the agent is on the network and among the processes of its node, and has no way to the stores', () => {
    const agent = find(render(bundled), 'DaemonSet', 'lab-asterism-node-agent').spec!.template!.spec;
    expect(agent).toMatchObject({ hostNetwork: true, hostPID: true, nodeSelector: { 'asterism/agent': 'true' } });
    const [container] = agent.containers;
    expect(container!.securityContext!.privileged).toBe(true);
    expect(container!.volumeMounts).toContainEqual({ name: 'state', mountPath: '/var/lib/asterism', mountPropagation: 'Bidirectional' });
    expect(container!.env!.map(({ name }) => name)).not.toContain('ASTERISM_DATABASE_URL');
  });

  test('with cert-manager and nothing to keep there is no job of credentials', () => {
    const objects = render(certManager);
    expect(named(objects, 'Job').sort()).toEqual(['lab-asterism-migrations', 'lab-asterism-open-api']);
    expect(named(objects, 'Issuer')).toEqual(['lab-asterism-root', 'lab-asterism-authority']);
    expect(named(objects, 'Certificate')).toContain('lab-asterism-gateway');
  });

  test('a service that scales has no replicas of its own', () => {
    const objects = render({ ...bundled, services: { gateway: { autoscaling: { enabled: true, minReplicas: 2, maxReplicas: 6 } } } });
    expect(named(objects, 'HorizontalPodAutoscaler')).toEqual(['lab-asterism-gateway']);
    expect(find(objects, 'HorizontalPodAutoscaler', 'lab-asterism-gateway').spec).toMatchObject({ minReplicas: 2, maxReplicas: 6, scaleTargetRef: { name: 'lab-asterism-gateway' } });
    expect(find(objects, 'Deployment', 'lab-asterism-gateway').spec).not.toHaveProperty('replicas');
    expect(find(objects, 'Deployment', 'lab-asterism-images').spec).toMatchObject({ replicas: 1 });
  });

  test('schemas are brought up to date before an upgrade, and before an install where the database is there', () => {
    const hook = (values: object): string | undefined => find(render(values), 'Job', 'lab-asterism-migrations').metadata.annotations?.['helm.sh/hook'];
    expect(hook(bundled)).toBe('pre-upgrade');
    expect(hook(byReference)).toBe('pre-install,pre-upgrade');
  });

  test('the dashboard asks for metrics that are kept', () => {
    const { data } = find(render(everything), 'ConfigMap', 'lab-asterism-dashboard');
    const { panels } = JSON.parse(data!['asterism.json']!) as { panels: { targets: { expr: string }[] }[] };
    const asked = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/\basterism_\w+/g) ?? [])));
    expect([...asked].filter((name) => !/^asterism_(request|call|step|command)_seconds_(bucket|count)$/.test(name))).toEqual([]);
    expect(asked.size).toBeGreaterThan(3);
  });

  test('the same values render to the same objects', () => {
    expect(render(everything)).toEqual(render(everything));
  });

  test.each([
    ['no PostgreSQL', {}, 'postgresql is missing: name the Secret of yours'],
    ['two PostgreSQL', { ...bundled, postgresql: { bundled: { enabled: true }, existingSecret: { name: 'pg' } } }, 'postgresql.bundled.enabled and postgresql.existingSecret.name contradict each other'],
    ['no NATS', { ...byReference, nats: {} }, 'nats is missing'],
    ['two NATS', { ...bundled, nats: { bundled: { enabled: true }, url: 'nats://n:4222' } }, 'nats.bundled.enabled and nats.url contradict each other'],
    ['agents everywhere', { ...bundled, agent: { clustered: false, nodeSelector: { 'asterism/agent': null } } }, 'agent.nodeSelector is empty'],
    ['an issuer without cert-manager', { ...bundled, tls: { certManager: { issuerRef: { name: 'ca' } } } }, 'tls.certManager.enabled is false'],
    ['a monitor of nothing', { ...bundled, metrics: { serviceMonitor: { enabled: true } } }, 'metrics.enabled is false'],
    ['a dashboard of nothing', { ...bundled, metrics: { dashboard: { enabled: true } } }, 'metrics.dashboard.enabled has nothing to show'],
    ['a node port nobody has', { ...bundled, api: { service: { nodePort: 30443 } } }, 'api.service.type is ClusterIP'],
    ['a node port for members that nobody has', { ...bundled, api: { service: { membersNodePort: 30444 } } }, 'api.service.membersNodePort is given, but api.service.type is ClusterIP'],
    ['one port for clients and members', { ...bundled, api: { service: { membersPort: 8443 } } }, 'api.service.membersPort and api.service.port are the same'],
    ['source ranges of no balancer', { ...bundled, api: { service: { type: 'NodePort', loadBalancerSourceRanges: ['192.0.2.0/24'] } } }, 'api.service.type is NodePort'],
    ['addresses for policies that are off', { ...bundled, networkPolicy: { enabled: false, nodeCidrs: ['192.0.2.0/24'] } }, 'need networkPolicy.enabled=true'],
    ['fewer at most than at least', { ...bundled, services: { images: { autoscaling: { enabled: true, minReplicas: 5 } } } }, 'services.images.autoscaling: minReplicas 5 is more than maxReplicas 4'],
    ['a share of nothing', { ...bundled, services: { images: { autoscaling: { enabled: true }, resources: { requests: { cpu: null } } } } }, 'needs services.images.resources.requests.cpu'],
  ])('contradiction: %s', (_name, values, words) => {
    expect(refusal(values)).toContain(words);
  });

  test.each([
    ['a word that is none', { ...bundled, replicas: 2 }, "additional properties 'replicas' not allowed"],
    ['a service that is none', { ...bundled, services: { scheduler: {} } }, "additional properties 'scheduler' not allowed"],
    ['a text for a number', { ...bundled, services: { images: { replicas: 'two' } } }, '/services/images/replicas'],
    ['a type of Service that is none', { ...bundled, api: { service: { type: 'Ingress' } } }, '/api/service/type'],
    ['a relative directory', { ...bundled, agent: { stateDir: 'asterism' } }, '/agent/stateDir'],
    ['a URL of something else', { ...byReference, nats: { url: 'http://nats:4222' } }, '/nats/url'],
    ['a network without its length', { ...bundled, networkPolicy: { nodeCidrs: ['192.0.2.1'] } }, '/networkPolicy/nodeCidrs/0'],
  ])('the schema refuses %s', (_name, values, words) => {
    expect(refusal(values)).toContain(words);
  });
});
