import { describe, expect, it } from 'vitest';
import { settling } from './settle.js';
import type { WarningRow } from './warning.store.js';

const wish = (entity_url: string, last_message = 'gone') => ({ project: 'default', location: 'none', type: 'Network unavailable', severity: 'high', last_message, entity_url });
const row = (entity_url: string, more: Partial<WarningRow> = {}): WarningRow => ({ ...wish(entity_url), uuid: entity_url, status: 'new', count: 1, ...more }) as WarningRow;

describe('settling warnings', () => {
  it('raises what is new, resolves what is gone, and leaves what is known', () => {
    expect(settling([row('/a'), row('/b')], [wish('/b'), wish('/c')])).toEqual({ raise: [wish('/c')], resolve: [row('/a')] });
  });

  it('raises again what was resolved and what says something else', () => {
    expect(settling([row('/a', { status: 'resolved' }), row('/b')], [wish('/a'), wish('/b', 'still gone')])).toEqual({ raise: [wish('/a'), wish('/b', 'still gone')], resolve: [] });
  });

  it('leaves what somebody has acknowledged', () => {
    expect(settling([row('/a', { status: 'acknowledged' })], [wish('/a')])).toEqual({ raise: [], resolve: [] });
  });
});
