import { expect, test } from 'vitest';
import { render, whyNoHelm, type Container, type Pod, type Rendered } from './render.js';

const missing = whyNoHelm();
const component = 'app.kubernetes.io/component';
const values = {
  ...{ postgresql: { bundled: { enabled: true } }, nats: { bundled: { enabled: true } }, redis: { bundled: { enabled: true } } },
  networkPolicy: { nodeCidrs: ['198.51.100.0/24'], apiCidrs: ['192.0.2.0/24'] },
  agent: { clustered: true },
};

interface Policy extends Rendered {
  spec: Rendered['spec'] & {
    podSelector: { matchLabels: Record<string, string> };
    ingress: { ports: { port: string | number }[]; from?: { ipBlock?: { cidr: string }; podSelector?: { matchLabels?: Record<string, string>; matchExpressions?: { values: string[] }[] } }[] }[];
  };
}

interface Labelled extends Rendered {
  metadata: Rendered['metadata'] & { labels: Record<string, string> };
}

/** Ports of services by the names that policies use. */
const ports: Record<string, string> = { 8444: 'grpc', 8443: 'https' };

/** "who > whom:port" for all that is named to a process when it starts. */
function wanted(objects: Rendered[]): Set<string> {
  const pairs = (objects as Labelled[]).flatMap((object) => {
    const who = object.metadata.labels?.[component] ?? '';
    return containers(object).flatMap((container) => [...addresses(container)].map((address) => `${who} > ${address}`));
  });
  return new Set(pairs);
}

function containers({ kind, spec }: Rendered): Container[] {
  const nested = spec as unknown as { jobTemplate?: { spec: { template: { spec: Pod } } } } | undefined;
  const pod = kind === 'Pod' ? (spec as unknown as Pod) : (spec?.template?.spec ?? nested?.jobTemplate?.spec.template.spec);
  return pod?.containers ?? [];
}

function* addresses({ command = [], env = [] }: Container): Iterable<string> {
  for (const word of [...command, ...env.map(({ value }) => value ?? '')]) {
    const [, name, port] = /(?:^|\/\/)lab-asterism(?:-([a-z]+))?:(\d+)/.exec(word) ?? [];
    if (port) yield `${name ?? 'gateway'}:${ports[port] ?? port}`;
  }
  if (env.some(({ name }) => name === 'ASTERISM_DATABASE_URL')) yield 'postgresql:5432';
  if (env.some(({ name }) => name === 'ASTERISM_REDIS_URL')) yield 'redis:6379';
}

/** The same for what policies let through; agents have the addresses of nodes. */
function allowed(objects: Rendered[]): Set<string> {
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as Policy[];
  const pairs = policies.flatMap(({ spec }) =>
    spec.ingress.flatMap(({ ports: [port], from = [{ ipBlock: { cidr: 'anywhere' } }] }) =>
      from.flatMap(({ ipBlock, podSelector }) => {
        const who = podSelector?.matchExpressions?.flatMap((one) => one.values) ?? [podSelector?.matchLabels?.[component] ?? ipBlock?.cidr];
        return who.map((one) => `${one === '198.51.100.0/24' ? 'node-agent' : one} > ${spec.podSelector.matchLabels[component]}:${port!.port}`);
      }),
    ),
  );
  return new Set(pairs);
}

test.skipIf(missing)('policies let through what processes are told of, and nothing else', () => {
  const objects = render(values);
  const asked = wanted(objects);
  expect(asked).toContain('node-agent > cluster:grpc');
  expect(asked).toContain('setup > gateway:https');
  expect([...asked].filter((pair) => !allowed(objects).has(pair))).toEqual([]);
  const more = [...allowed(objects)].filter((pair) => !asked.has(pair));
  expect(more.sort()).toEqual(['192.0.2.0/24 > gateway:https', '192.0.2.0/24 > gateway:members']);
});
