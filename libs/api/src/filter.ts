import { LxdError } from '@asterism/errors';

/** One comparison of a filter; clauses combine from left to right, without precedence. */
export interface FilterClause {
  /** How it joins what stands before it. */
  join: 'and' | 'or';
  not: boolean;
  /** JSON name, dotted into nested objects: "config.user.name", "devices.root.pool". */
  field: string;
  /** "eq" and "ne"; others match nothing. */
  operator: string;
  value: string;
}

/** Parses the `filter` query: `[not] field operator value [and|or ...]`, values with spaces in quotes. An empty text has no clauses. */
export function parseFilter(text: string): FilterClause[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const clauses: FilterClause[] = [];
  let join: 'and' | 'or' = 'and';
  let index = 0;
  const next = (missing: string): string => {
    const word = words[index++];
    if (word === undefined) throw invalid(missing);
    return word;
  };
  while (index < words.length) {
    const not = words[index]?.toLowerCase() === 'not';
    if (not) index++;
    const field = next('incomplete not clause');
    const operator = next('clause has no operator');
    const value = unquoted(next('clause has no value'), next);
    clauses.push({ join, not, field, operator, value });
    if (index === words.length) break;
    const joint = words[index++];
    if (joint !== 'and' && joint !== 'or') throw invalid('invalid clause composition');
    if (index === words.length) throw invalid('unterminated compound clause');
    join = joint;
  }
  return clauses;
}

/** Whether an API object (as it would be rendered) passes the filter. */
export function matchesFilter(object: unknown, clauses: readonly FilterClause[]): boolean {
  return clauses.reduce((matched, clause) => {
    const holds = compare(valueAt(object, clause.field), clause) !== clause.not;
    return clause.join === 'and' ? matched && holds : matched || holds;
  }, true);
}

function compare(value: unknown, clause: FilterClause): boolean {
  const text = value === undefined || value === null ? undefined : typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (clause.operator === 'eq') return matchesValue(text, clause.value);
  if (clause.operator === 'ne') return !matchesValue(text, clause.value);
  return false;
}

const longestPattern = 256;
/** Back references, and repetitions of what repeats: patterns that may take for ever. */
const costly = /\\[1-9]|[+*}]\)*[+*{]|\([^)]*[+*}|][^)]*\)[+*{]/;

/** The reference takes a filter's value for a regular expression of the whole value, in any case. */
function matchesValue(text: string | undefined, value: string): boolean {
  if (text === undefined) return false;
  if (text.toLowerCase() === value.toLowerCase()) return true;
  if (value.length > longestPattern || costly.test(value)) return false;
  try {
    return new RegExp(`^(?:${value})$`, 'i').test(text);
  } catch {
    return false;
  }
}

/** Keys of maps may hold dots ("user.name"), so the rest of the field is tried as one key first. */
function valueAt(object: unknown, field: string): unknown {
  if (object === null || typeof object !== 'object') return undefined;
  const map = object as Record<string, unknown>;
  if (Object.hasOwn(map, field)) return map[field];
  const dot = field.indexOf('.');
  if (dot < 0) return undefined;
  const head = field.slice(0, dot);
  return Object.hasOwn(map, head) ? valueAt(map[head], field.slice(dot + 1)) : undefined;
}

function unquoted(first: string, next: (missing: string) => string): string {
  const quote = first[0];
  if (quote !== '"' && quote !== "'") return first;
  if (first.length > 1 && first.endsWith(quote)) return first.slice(1, -1);
  let value = first.slice(1);
  for (;;) {
    const word = next('unterminated quote');
    if (word.endsWith(quote)) return `${value} ${word.slice(0, -1)}`;
    value += ` ${word}`;
  }
}

function invalid(reason: string): LxdError {
  return new LxdError('bad-request', `Invalid filter: ${reason}`);
}
