import { instanceKeys } from '@asterism/config-keys';
import type { agentInstances } from '@asterism/proto';

type InstanceSpec = agentInstances.InstanceSpec;

export interface Answer {
  status: number;
  type: 'application/json' | 'application/octet-stream' | 'text/plain; charset=utf-8';
  body: string;
}

const configPath = '/1.0/config';

/** What an instance is told of itself; whatever the method, as the reference has it. */
export function answerTo(path: string, spec: InstanceSpec, member: string): Answer {
  if (path === '/') return json(['/1.0']);
  if (path === '/1.0') return json({ state: '', api_version: '1.0', instance_type: spec.type, location: member });
  if (path === configPath) return json(Object.keys(spec.config).filter(isTold).map((key) => `${configPath}/${key}`));
  if (path.startsWith(`${configPath}/`)) return configValue(path.slice(configPath.length + 1), spec);
  if (path === '/1.0/meta-data') return raw(metaData(spec));
  return refusal(404, '404 page not found');
}

function configValue(key: string, { config }: InstanceSpec): Answer {
  if (!isTold(key)) return refusal(403, 'not authorized');
  const value = config[key];
  return value === undefined ? refusal(404, 'not found') : raw(value);
}

/** The keys that users set for what runs inside. */
export function isTold(key: string): boolean {
  return key.startsWith('user.');
}

function metaData({ name, config }: InstanceSpec): string {
  const id = config[instanceKeys.volatileCloudInitInstanceId.name] ?? name;
  return `#cloud-config\ninstance-id: ${id}\nlocal-hostname: ${name}\n${config['user.meta-data'] ?? ''}`;
}

export function refusal(status: number, words: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${words}\n` };
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

function raw(body: string): Answer {
  return { status: 200, type: 'application/octet-stream', body };
}
