/** What can go wrong, in the API's terms. The gateway turns a kind into an HTTP status, `libs/rpc` into a gRPC status; nobody else does. */
export const errorKinds = [
  'bad-request',
  'unauthenticated',
  'forbidden',
  'not-found',
  'conflict',
  'gone',
  'precondition-failed',
  'too-large',
  'unprocessable',
  'unsupported',
  'unavailable',
  'timeout',
  'cancelled',
  'internal',
] as const;

export type ErrorKind = (typeof errorKinds)[number];

/** The one error of Asterism. `message` is what the API answers, in LXD's words where clients match on them. */
export class LxdError extends Error {
  override readonly name = 'LxdError';

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export function isLxdError(error: unknown): error is LxdError {
  return error instanceof LxdError;
}

export function isKind(error: unknown, kind: ErrorKind): error is LxdError {
  return error instanceof LxdError && error.kind === kind;
}

/** Gives every thrown thing a kind: LxdErrors as they are, everything else "internal" with its message and the original as cause. */
export function fromUnknown(error: unknown): LxdError {
  if (error instanceof LxdError) return error;
  if (error instanceof Error && error.name === 'AbortError') return new LxdError('cancelled', error.message, { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new LxdError('internal', message, { cause: error });
}
