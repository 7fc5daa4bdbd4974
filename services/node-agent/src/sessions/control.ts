/** What a client says on the control socket of a session. */
export type Control = { command: 'window-resize'; columns: number; rows: number } | { command: 'signal'; signal: number };

/** Undefined for what is malformed or unknown: a client's mistake there must not end its session. */
export function parseControl(text: string): Control | undefined {
  let message: { command?: unknown; args?: { width?: unknown; height?: unknown }; signal?: unknown };
  try {
    message = JSON.parse(text) as typeof message;
  } catch {
    return undefined;
  }
  if (message?.command === 'window-resize') {
    const columns = Number(message.args?.width);
    const rows = Number(message.args?.height);
    const isSize = (cells: number): boolean => Number.isInteger(cells) && cells > 0 && cells < 65_536;
    return isSize(columns) && isSize(rows) ? { command: 'window-resize', columns, rows } : undefined;
  }
  if (message?.command === 'signal') {
    const signal = Number(message.signal);
    return Number.isInteger(signal) && signal > 0 && signal <= 64 ? { command: 'signal', signal } : undefined;
  }
  return undefined;
}
