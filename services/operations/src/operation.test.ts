import { describe, expect, it } from 'vitest';
import { groupByStatus, renderOperation, type OperationRow } from './operation.js';

const row: OperationRow = {
  id: '0f25bb22-0633-4941-b8e9-d5b3295fcf44',
  class: 'task',
  description: 'Creating instance',
  project: 'default',
  location: '',
  owner: 'instances',
  resources: { instances: ['/1.0/instances/c1'], containers: ['/1.0/containers/c1'] },
  metadata: null,
  may_cancel: false,
  status_code: 103,
  err: '',
  created_at: '2026-01-01T00:00:00.000000Z',
  updated_at: '2026-01-01T00:00:00.000000Z',
  finished_at: null,
};

describe('an operation on the API', () => {
  it('names its status, sorts its resources and says where it runs', () => {
    const shown = renderOperation(row);
    expect(shown['status']).toBe('Running');
    expect(shown['location']).toBe('none');
    expect(Object.keys(shown['resources'] as object)).toEqual(['containers', 'instances']);
  });

  it('has null where it has no resources', () => {
    expect(renderOperation({ ...row, resources: {} })['resources']).toBeNull();
  });

  it('is listed under its status in lower case', () => {
    expect(groupByStatus([row, { ...row, status_code: 400 }], (shown) => shown.id)).toEqual({ running: [row.id], failure: [row.id] });
  });
});
