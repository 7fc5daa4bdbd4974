import { LxdError } from '@asterism/errors';

/** Values of the server's configuration as text; `true` stands for a secret that is to stay as it is. */
export function configText(config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, textOf(key, value)]));
}

function textOf(key: string, value: unknown): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (value === true) return 'true';
  throw new LxdError('bad-request', `cannot set '${key}': invalid type ${goTypeOf(value)}`);
}

function goTypeOf(value: unknown): string {
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}
