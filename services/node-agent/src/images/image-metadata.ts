import { LxdError } from '@asterism/errors';
import { parseDocument } from 'yaml';

/** Honest metadata.yaml has a few kilobytes; the parser's time grows with the square of some texts. */
export const maxMetadataBytes = 64 * 1024;
/** Aliases of a YAML bomb multiply; honest metadata has none. */
const maxAliases = 50;

/** The last second that a date of the API can name: 9999-12-31. */
const maxDate = 253_402_300_799;

export interface ImageTemplate {
  when: string[];
  create_only: boolean;
  template: string;
  properties: Record<string, string>;
}

/** metadata.yaml of an image; dates are unix seconds. */
export interface ImageMetadata {
  architecture: string;
  creation_date: number;
  expiry_date: number;
  properties: Record<string, string>;
  templates: Record<string, ImageTemplate>;
}

/** Parses and checks metadata.yaml; what it does not know it leaves out. */
export function parseImageMetadata(text: string): ImageMetadata {
  const root = mapping(parseYaml(text), 'metadata.yaml');
  const templates = Object.entries(mapping(root['templates'], 'templates'));
  return {
    architecture: scalar(root['architecture'], 'architecture'),
    creation_date: integer(root['creation_date'], 'creation_date'),
    expiry_date: integer(root['expiry_date'], 'expiry_date'),
    properties: scalars(root['properties'], 'properties'),
    templates: Object.fromEntries(templates.map(([path, template]) => [path, parseTemplate(path, mapping(template, path))])),
  };
}

function parseTemplate(path: string, template: Record<string, unknown>): ImageTemplate {
  const when = template['when'] ?? [];
  if (!Array.isArray(when)) throw invalid(`templates: ${path}: when must be a list`);
  return {
    when: when.map((event) => scalar(event, 'when')),
    create_only: scalar(template['create_only'], 'create_only') === 'true',
    template: scalar(template['template'], 'template'),
    properties: scalars(template['properties'], 'properties'),
  };
}

/** Every scalar stays the text it is in the file, as Go reads it into strings. */
function parseYaml(text: string): unknown {
  try {
    const parsed = parseDocument(text, { schema: 'failsafe', strict: true, uniqueKeys: false, logLevel: 'silent' });
    const [error] = parsed.errors;
    if (error) throw new Error(error.message.split('\n')[0]?.replace(/:$/, ''));
    return parsed.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function mapping(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined || value === null || value === '' || value === 'null' || value === '~') return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(`${what} must be a mapping`);
  return value as Record<string, unknown>;
}

function scalars(value: unknown, what: string): Record<string, string> {
  return Object.fromEntries(Object.entries(mapping(value, what)).map(([key, entry]) => [key, scalar(entry, `${what}: ${key}`)]));
}

function scalar(value: unknown, what: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw invalid(`${what} must be a scalar`);
  return value;
}

function integer(value: unknown, what: string): number {
  const text = scalar(value, what);
  if (text === '') return 0;
  if (!/^[0-9]{1,12}$/.test(text) || Number(text) > maxDate) throw invalid(`${what} must be a date in seconds`);
  return Number(text);
}

function invalid(what: string): LxdError {
  return new LxdError('bad-request', `yaml: ${what}`);
}
