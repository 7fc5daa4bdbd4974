import { describe, expect, it } from 'vitest';
import { byStopPriority } from './stop-all-instances.js';

describe('the shutdown of a host', () => {
  it('stops instances in groups, the highest priority first', () => {
    const instance = (name: string, priority?: string): { name: string; expanded_config: Record<string, string> } => ({ name, expanded_config: priority === undefined ? {} : { 'boot.stop.priority': priority } });
    const groups = byStopPriority([instance('a'), instance('b', '5'), instance('c', '-1'), instance('d', '5'), instance('e', '0')]);
    expect(groups.map((group) => group.map(({ name }) => name))).toEqual([['b', 'd'], ['a', 'e'], ['c']]);
  });
});
