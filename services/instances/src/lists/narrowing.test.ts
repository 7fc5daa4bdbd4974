import { parseFilter } from '@asterism/api';
import { describe, expect, it } from 'vitest';
import { narrowing } from './narrowing.js';

const of = (filter: string) => narrowing(parseFilter(filter)).map(({ expression, value }) => `${expression}=${value}`);

describe('what the database can decide of a filter', () => {
  it('is what names one value', () => {
    expect(of('name eq C1 and status eq running')).toEqual(['lower(i.name)=c1', 'lower(i.status)=running']);
    expect(of('config.user.Owner eq ann')).toEqual(["lower(i.config->>'user.Owner')=ann"]);
  });

  it('is nothing of what may be more than one', () => {
    expect(of('name eq c.*')).toEqual([]);
    expect(of('not name eq c1')).toEqual([]);
    expect(of('name ne c1')).toEqual([]);
    expect(of('name eq c1 or name eq c2')).toEqual([]);
    expect(of("config.user.it's eq a")).toEqual([]);
  });

  it('leaves to the filter what it cannot say', () => {
    expect(of('name eq c1 and devices.root.pool eq fast')).toEqual(['lower(i.name)=c1']);
  });
});
