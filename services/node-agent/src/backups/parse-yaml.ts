import { LxdError } from '@asterism/errors';
import { parseDocument } from 'yaml';

const maxAliases = 50;

/** Nesting that no index has, and that costs the parser seconds before it gives up. */
const absurdNesting = /(?:[[{]\s*){256}|(?:[-?:] ){256}/;

/** Every scalar stays the text it is in the file, as Go reads it into strings. */
export function parseYaml(text: string): Record<string, unknown> {
  if (absurdNesting.test(text)) throw new LxdError('bad-request', 'yaml: index.yaml is nested too deeply');
  let parsed: unknown;
  try {
    const document = parseDocument(text, { schema: 'failsafe', strict: true, uniqueKeys: false, logLevel: 'silent' });
    const [error] = document.errors;
    if (error) throw new Error(error.message.split('\n')[0]?.replace(/:$/, ''));
    parsed = document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    throw new LxdError('bad-request', `yaml: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new LxdError('bad-request', 'yaml: index.yaml must be a mapping');
  return parsed as Record<string, unknown>;
}
