/** The trace-id of a W3C traceparent; undefined where it is none. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  const id = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/.exec(traceparent ?? '')?.[1];
  return id === undefined || /^0+$/.test(id) || traceparent!.startsWith('ff') ? undefined : id;
}

/** A trace that begins with a request: its id is the request's (uuid), so that one leads to the other. */
export function traceOfRequest(requestId: string): string {
  const hex = requestId.replaceAll('-', '');
  return `00-${hex}-${hex.slice(16)}-00`;
}
