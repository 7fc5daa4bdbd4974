import type { FilterClause } from '@asterism/api';

/** Of a row: this expression, in small letters, is this text. */
export interface Condition {
  expression: string;
  value: string;
}

/** What an index or a column can tell; `lower(i.name)` has an index. */
const columns: Readonly<Record<string, string>> = {
  name: 'lower(i.name)',
  location: 'lower(i.member)',
  status: 'lower(i.status)',
  type: 'i.type',
  project: 'lower(i.project)',
  architecture: 'lower(i.architecture)',
};
/** Nothing that a regular expression would read as more than itself. */
const plain = /^[a-z0-9 _:@/,=-]+$/i;
const configKey = /^(config|expanded_config)\.([a-z0-9_.-]+)$/i;

/**
 * What PostgreSQL can decide of a filter: every row that matches the whole of it meets these conditions, and few others do. The filter itself still
 * decides. Where clauses are joined by "or" nothing can be said.
 */
export function narrowing(clauses: readonly FilterClause[]): Condition[] {
  if (clauses.some(({ join }) => join === 'or')) return [];
  return clauses.flatMap(({ not, field, operator, value }) => {
    if (not || operator !== 'eq' || !plain.test(value)) return [];
    const expression = columns[field] ?? keyExpression(field);
    return expression === undefined ? [] : [{ expression, value: value.toLowerCase() }];
  });
}

/** The pattern lets no quotes through. */
function keyExpression(field: string): string | undefined {
  const [, map, key] = configKey.exec(field) ?? [];
  return map === undefined || key === undefined ? undefined : `lower(i.${map.toLowerCase()}->>'${key}')`;
}
