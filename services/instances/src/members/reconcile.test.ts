import { describe, expect, it } from 'vitest';
import type { InstanceRow } from '../instance.js';
import { autostartOrder, statusCorrections, withoutRow } from './reconcile.js';

const row = (name: string, more: Partial<InstanceRow> = {}): InstanceRow => ({ id: name, name, status: 'Running', busy: null, config: {}, expanded_config: {}, ...more }) as InstanceRow;
const running = { status: 'Running' };

describe('a member that comes up', () => {
  it('corrects what its agent says otherwise, but not what a task holds', () => {
    const rows = [row('a'), row('b'), row('c', { status: 'Stopped' }), row('d', { busy: 'start', status: 'Stopped' })];
    expect(statusCorrections(rows, { a: running, c: running, d: running }).map(({ row: { name }, status }) => [name, status])).toEqual([
      ['b', 'Stopped'],
      ['c', 'Running'],
    ]);
  });

  it('starts what asks for it and what ran, by priority', () => {
    const ran = { config: { 'volatile.last_state.power': 'RUNNING' } };
    const rows = [
      row('ran', ran),
      row('never', { ...ran, expanded_config: { 'boot.autostart': 'false' } }),
      row('first', { expanded_config: { 'boot.autostart': 'true', 'boot.autostart.priority': '10' } }),
      row('stopped', { config: { 'volatile.last_state.power': 'STOPPED' } }),
      row('up', ran),
    ];
    expect(autostartOrder(rows, { up: running }).map((each) => each.name)).toEqual(['first', 'ran']);
  });

  it('may know instances that nobody else knows', () => {
    expect(withoutRow([row('a')], { a: running, b: running })).toEqual(['b']);
  });
});
