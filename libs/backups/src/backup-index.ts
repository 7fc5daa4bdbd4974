import { LxdError } from '@asterism/errors';

type Mapping = Record<string, unknown>;

/** Reads an index.yaml, whose scalars are all text: each wrong shape is refused, what is unknown is ignored. */
export const indexReader = {
  mapping(value: unknown, what: string): Mapping {
    if (value === undefined || value === null || value === '' || value === 'null' || value === '~') return {};
    if (typeof value !== 'object' || Array.isArray(value)) throw strange(`${what} must be a mapping`);
    return value as Mapping;
  },
  list(value: unknown, what: string): unknown[] {
    if (value === undefined || value === null || value === '' || value === 'null' || value === '~') return [];
    if (!Array.isArray(value)) throw strange(`${what} must be a list`);
    return value;
  },
  text(value: unknown, what: string): string {
    if (value === undefined || value === null) return '';
    if (typeof value !== 'string') throw strange(`${what} must be a scalar`);
    return value;
  },
  texts(value: unknown, what: string): Record<string, string> {
    return Object.fromEntries(Object.entries(indexReader.mapping(value, what)).map(([key, entry]) => [key, indexReader.text(entry, `${what}: ${key}`)]));
  },
  flag(value: unknown): boolean {
    return value === 'true';
  },
  /** Undefined for none, and for Go's zero time. */
  time(value: unknown, what: string): Date | undefined {
    const text = indexReader.text(value, what);
    if (text === '' || text.startsWith('0001-01-01')) return undefined;
    const time = new Date(text);
    if (Number.isNaN(time.getTime())) throw strange(`${what} must be a time`);
    return time;
  },
};

function strange(what: string): LxdError {
  return new LxdError('bad-request', `Invalid backup index: ${what}`);
}
