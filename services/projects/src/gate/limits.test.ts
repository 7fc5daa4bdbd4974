import { describe, expect, it } from 'vitest';
import type { InstanceFacts, ProjectFacts } from './facts.js';
import { projectState, refusedCount, refusedLimitChange, refusedTotals } from './limits.js';

const project = (config: Record<string, string>): ProjectFacts => ({ name: 'p', config });
const instance = (name: string, config: Record<string, string> = {}, root: Record<string, string> = {}): InstanceFacts => ({
  name,
  type: 'container',
  config,
  devices: { root: { type: 'disk', path: '/', pool: 'default', ...root } },
});

describe('counts', () => {
  it('refuse one instance more than there may be', () => {
    expect(refusedCount(project({ 'limits.containers': '1' }), 'container', [instance('a')])).toBe('Reached maximum number of instances of type "container" in project "p"');
    expect(refusedCount(project({ 'limits.instances': '1' }), 'virtual-machine', [instance('a')])).toBe('Reached maximum number of instances in project "p"');
    expect(refusedCount(project({ 'limits.virtual-machines': '0' }), 'container', [instance('a')])).toBeUndefined();
  });
});

describe('totals', () => {
  it('refuse what exceeds a limit', () => {
    const reason = refusedTotals(project({ 'limits.memory': '100MiB' }), [instance('a', { 'limits.memory': '60MiB' }), instance('b', { 'limits.memory': '60MiB' })], []);
    expect(reason).toBe('Reached maximum aggregate value "100MiB" for "limits.memory" in project "p"');
  });

  it('ask every instance for its claim', () => {
    expect(refusedTotals(project({ 'limits.memory': '1GiB' }), [instance('a')], [])).toBe(
      'Failed getting usage of project entities: Instance "a" in project "p" has no "limits.memory" config, either directly or via a profile',
    );
    expect(refusedTotals(project({ 'limits.memory': '1GiB' }), [instance('a', { 'limits.memory': '10%' })], [])).toMatch(/Failed parsing "limits.memory"/);
    expect(refusedTotals(project({ 'limits.cpu': '4' }), [instance('a', { 'limits.cpu': '0-1' })], [])).toMatch(/Failed parsing "limits.cpu"/);
  });

  it('count root disks and custom volumes for limits.disk', () => {
    const limited = project({ 'limits.disk': '10GiB' });
    expect(refusedTotals(limited, [instance('a', {}, { size: '6GiB' })], [{ name: 'v', size: '4GiB' }])).toBeUndefined();
    expect(refusedTotals(limited, [instance('a', {}, { size: '6GiB' })], [{ name: 'v', size: '5GiB' }])).toMatch(/maximum aggregate value "10GiB"/);
  });
});

describe('a change of limits', () => {
  it('must suit what there is', () => {
    expect(refusedLimitChange(project({ 'limits.containers': '0' }), ['limits.containers'], [instance('a')], [])).toBe(
      'Can\'t change "limits.containers" in project "p": "limits.containers" is too low: there currently are 1 instances of type container in project "p"',
    );
    expect(refusedLimitChange(project({ 'limits.memory': '15MiB' }), ['limits.memory'], [instance('a', { 'limits.memory': '20MiB' })], [])).toBe('"limits.memory" is too low: current total is "20.0MiB"');
  });
});

it("renders a project's state with -1 for what is not limited", () => {
  const state = projectState(project({ 'limits.memory': '100MiB' }), [instance('a', { 'limits.memory': '10MiB' })], [], 1);
  expect(state).toEqual({
    containers: { Limit: -1, Usage: 1 },
    cpu: { Limit: -1, Usage: 0 },
    disk: { Limit: -1, Usage: 0 },
    instances: { Limit: -1, Usage: 1 },
    memory: { Limit: 104857600, Usage: 10485760 },
    networks: { Limit: -1, Usage: 1 },
    processes: { Limit: -1, Usage: 0 },
    'virtual-machines': { Limit: -1, Usage: 0 },
  });
});
