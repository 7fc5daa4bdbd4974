import { describe, expect, it } from 'vitest';
import { eventWish, journalWish } from './event-wish.js';

const wish = (query: string, admin = true) => eventWish(new URLSearchParams(query), admin);

describe('what a client wants of /1.0/events', () => {
  it('is everything of the default project unless it says more', () => {
    expect(wish('')).toEqual({ types: ['logging', 'operation', 'lifecycle'], project: 'default', allProjects: false });
    expect(wish('type=operation,lifecycle&project=p1')).toEqual({ types: ['operation', 'lifecycle'], project: 'p1', allProjects: false });
    expect(wish('all-projects=true').allProjects).toBe(true);
    expect(wish('project=*').allProjects).toBe(true);
  });

  it('is never log messages for a restricted client', () => {
    expect(wish('', false).types).toEqual(['operation', 'lifecycle']);
    expect(() => wish('type=logging', false)).toThrow('not authorized');
  });

  it('may begin in the past, at a cursor', () => {
    expect(wish('since=42').since).toBe(42);
    for (const since of ['', '-1', 'x', '1.5', '9'.repeat(20)]) expect(() => wish(`since=${since}`)).toThrow(/Invalid cursor/);
  });

  it('is read from the journal without log messages, which it does not keep', () => {
    expect(journalWish({ types: ['logging', 'operation'], projects: undefined, admin: true }, 3)).toEqual({ since: 3, types: ['operation'], projects: [], of_no_project: true });
    expect(journalWish({ types: ['logging'], projects: [], admin: false }, 3)).toEqual({ since: 3, types: ['none'], projects: ['/'], of_no_project: false });
  });

  it('is refused where it makes no sense', () => {
    expect(() => wish('type=bogus')).toThrow('"bogus" isn\'t a supported event type');
    expect(() => wish('all-projects=true&project=p1')).toThrow('Cannot specify a project when requesting all projects');
  });
});
