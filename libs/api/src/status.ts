/** LXD's status codes with their names, of operations and instances alike. */
export const statusNames = {
  100: 'Operation created',
  101: 'Started',
  102: 'Stopped',
  103: 'Running',
  104: 'Cancelling',
  105: 'Pending',
  106: 'Starting',
  107: 'Stopping',
  108: 'Aborting',
  109: 'Freezing',
  110: 'Frozen',
  111: 'Thawed',
  112: 'Error',
  113: 'Ready',
  200: 'Success',
  400: 'Failure',
  401: 'Cancelled',
} as const satisfies Record<number, string>;

export type StatusCode = keyof typeof statusNames;

/** Whether an operation with this status will not change any more. */
export function isFinal(code: number): boolean {
  return code === 200 || code === 400 || code === 401;
}

export interface OperationRecord {
  id: string;
  class: 'task' | 'websocket' | 'token';
  description: string;
  createdAt: Date;
  updatedAt: Date;
  statusCode: StatusCode;
  resources: Readonly<Record<string, readonly string[]>> | null;
  metadata: unknown;
  mayCancel: boolean;
  error: string;
  location: string;
}

/** LXD's Operation object, fields in its order. */
export function operationJson(record: OperationRecord): Record<string, unknown> {
  return {
    id: record.id,
    class: record.class,
    description: record.description,
    created_at: record.createdAt.toISOString(),
    updated_at: record.updatedAt.toISOString(),
    status: statusNames[record.statusCode],
    status_code: record.statusCode,
    resources: record.resources,
    metadata: record.metadata,
    may_cancel: record.mayCancel,
    err: record.error,
    location: record.location,
  };
}
