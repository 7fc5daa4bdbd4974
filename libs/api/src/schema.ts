import { LxdError } from '@asterism/errors';

/** Where a value stands: the struct around it and the dotted path from the body's root. */
interface Place {
  struct: string;
  path: string;
}

/**
 * Reads a JSON value as Go's decoder reads it into LXD's types: null and absence give the zero value, unknown fields are ignored, names
 * match without regard to case, and a wrong type is refused in Go's words.
 */
export interface Schema<T> {
  readonly goType: string;
  read(value: unknown, place?: Place): T;
}
export type Read<S> = S extends Schema<infer T> ? T : never;

export const text: Schema<string> = {
  goType: 'string',
  read(value, place) {
    if (value === undefined || value === null) return '';
    if (typeof value !== 'string') throw mismatch(value, 'string', place);
    return value;
  },
};

export const flag: Schema<boolean> = {
  goType: 'bool',
  read(value, place) {
    if (value === undefined || value === null) return false;
    if (typeof value !== 'boolean') throw mismatch(value, 'bool', place);
    return value;
  },
};

/** Whole numbers within the range of the Go type. */
export function whole(goType: 'int' | 'int64' | 'uint32'): Schema<number> {
  return {
    goType,
    read(value, place) {
      if (value === undefined || value === null) return 0;
      if (typeof value !== 'number') throw mismatch(value, goType, place);
      const fits = Number.isSafeInteger(value) && (goType !== 'uint32' || (value >= 0 && value <= 0xffff_ffff));
      if (!fits) throw mismatch(value, goType, place, ` ${value}`);
      return value;
    },
  };
}

/** RFC 3339 to unix milliseconds; 0 for absent and for Go's zero time. */
export const time: Schema<number> = {
  goType: 'time.Time',
  read(value) {
    if (value === undefined || value === null) return 0;
    const milliseconds = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) ? Date.parse(value) : NaN;
    if (Number.isNaN(milliseconds)) {
      const sent = JSON.stringify(JSON.stringify(value));
      throw new LxdError('bad-request', `parsing time ${sent} as "\\"2006-01-02T15:04:05Z07:00\\"": cannot parse ${sent} as "2006"`);
    }
    return value === '0001-01-01T00:00:00Z' ? 0 : milliseconds;
  },
};

/** Any JSON, passed on as it is. */
export const anything: Schema<unknown> = { goType: 'interface {}', read: (value) => value ?? null };

export function list<T>(item: Schema<T>): Schema<T[]> {
  const goType = `[]${item.goType}`;
  return {
    goType,
    read(value, place) {
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) throw mismatch(value, goType, place);
      return value.map((entry) => item.read(entry, place));
    },
  };
}

export function map<T>(item: Schema<T>): Schema<Record<string, T>> {
  const goType = `map[string]${item.goType}`;
  return {
    goType,
    read(value, place) {
      if (value === undefined || value === null) return {};
      if (!isObject(value)) throw mismatch(value, goType, place);
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, item.read(entry, place)]));
    },
  };
}

/** Undefined where the field is absent or null. */
export function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return { goType: schema.goType, read: (value, place) => (value === undefined || value === null ? undefined : schema.read(value, place)) };
}

type Fields = Record<string, Schema<unknown>>;
type Struct<F extends Fields> = { [K in keyof F]: Read<F[K]> };

/** A struct of LXD's package "api", named as its errors name it. */
export function struct<F extends Fields>(name: string, fields: F): Schema<Struct<F>> {
  const goType = `api.${name}`;
  const byFold = new Map(Object.keys(fields).map((key) => [key.toLowerCase(), key]));
  const entries = Object.entries(fields);
  return {
    goType,
    read(value, place) {
      if (value !== undefined && value !== null && !isObject(value)) throw mismatch(value, goType, place);
      const sent = canonical(value ?? {}, fields, byFold);
      const prefix = place === undefined ? '' : `${place.path}.`;
      return Object.fromEntries(entries.map(([key, schema]) => [key, schema.read(sent[key], { struct: name, path: prefix + key })])) as Struct<F>;
    },
  };
}

/** The sent object with its keys spelled as the fields are. */
function canonical(sent: object, fields: Fields, byFold: ReadonlyMap<string, string>): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of Object.entries(sent)) {
    const field = Object.hasOwn(fields, key) ? key : byFold.get(key.toLowerCase());
    if (field !== undefined && (field === key || !(field in object))) object[field] = value;
  }
  return object;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mismatch(value: unknown, goType: string, place: Place | undefined, detail = ''): LxdError {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const target = place === undefined ? `value of type ${goType}` : `struct field ${place.struct}.${place.path} of type ${goType}`;
  return new LxdError('bad-request', `json: cannot unmarshal ${kind}${detail} into Go ${target}`);
}
