/** LXD's words for the status codes of operations. */
export const statusWords: Readonly<Record<number, string>> = {
  103: 'Running',
  104: 'Cancelling',
  105: 'Pending',
  200: 'Success',
  400: 'Failure',
  401: 'Cancelled',
};

export const running = 103;

/** The end of an operation whose work was never accepted, or whose session was cut off: nothing but the housekeeping here says so. */
export const interrupted = { status_code: 400, err: 'Operation was interrupted' } as const;

export function wasInterrupted({ status_code, err }: Pick<OperationRow, 'status_code' | 'err'>): boolean {
  return status_code === interrupted.status_code && err === interrupted.err;
}

/** A row of operations.operations; times as PostgreSQL's text in RFC 3339. */
export interface OperationRow {
  id: string;
  class: 'task' | 'websocket' | 'token';
  description: string;
  project: string;
  location: string;
  owner: string;
  resources: Record<string, string[]> | null;
  metadata: Record<string, unknown> | null;
  may_cancel: boolean;
  status_code: number;
  err: string;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
}

/** What is kept of an operation beside LXD's fields. */
export interface OperationRecord extends OperationRow {
  requestor: object | null;
  request_id: string;
  trace_id: string;
  cancel_requested: boolean;
  /** When its steps began and ended. */
  steps: unknown[] | null;
}

/** LXD's fields and what is kept beside them. */
export function renderRecord(record: OperationRecord): Record<string, unknown> {
  const { requestor, request_id, trace_id, cancel_requested, steps, finished_at } = record;
  return { ...renderOperation(record), requestor, request_id, trace_id, cancel_requested, steps: steps ?? [], finished_at };
}

/** The operation as LXD's API shows it (lxd-docs/rest-api.yaml, Operation). */
export function renderOperation(row: OperationRow): Record<string, unknown> {
  return {
    id: row.id,
    class: row.class,
    description: row.description,
    created_at: row.created_at,
    updated_at: row.updated_at,
    status: statusWords[row.status_code] ?? 'Unknown',
    status_code: row.status_code,
    resources: sorted(row.resources),
    metadata: row.metadata,
    may_cancel: row.may_cancel,
    err: row.err,
    location: row.location || 'none',
  };
}

export function operationUrl(row: OperationRow): string {
  return `/1.0/operations/${row.id}`;
}

/** Operations by lower-case status word, as GET /1.0/operations groups them. */
export function groupByStatus<R extends OperationRow>(rows: readonly R[], render: (row: R) => unknown): Record<string, unknown[]> {
  const groups: Record<string, unknown[]> = {};
  for (const row of rows) {
    const word = (statusWords[row.status_code] ?? 'unknown').toLowerCase();
    (groups[word] ??= []).push(render(row));
  }
  return groups;
}

function sorted(resources: Record<string, string[]> | null): Record<string, string[] | null> | null {
  if (!resources || Object.keys(resources).length === 0) return null;
  const entries = Object.entries(resources).map(([kind, urls]): [string, string[] | null] => [kind, urls.length > 0 ? urls : null]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
