import type { Operations } from '@asterism/proto';
import { systemCall, type CallContext } from '@asterism/rpc';

/** What long work has done so far, as metadata of its operation. */
type Words = (bytes: number, bytesPerSecond: number) => Record<string, unknown>;

/** Told of each piece that is done, in bytes. */
export type Count = (bytes: number) => void;

const tellEveryMs = 1000;

/** Tells the operation behind a call how far its work is, once a second: what takes less tells nothing. */
export function progressOf(operations: Pick<Operations, 'update'>, { operation }: CallContext, words: Words): Count {
  if (operation === undefined) return () => undefined;
  const startedMs = performance.now();
  let toldMs = startedMs;
  let done = 0;
  return (bytes) => {
    done += bytes;
    const nowMs = performance.now();
    if (nowMs - toldMs < tellEveryMs) return;
    toldMs = nowMs;
    const metadata = words(done, (done * 1000) / (nowMs - startedMs));
    void operations.update(systemCall(), { id: operation, metadata: Buffer.from(JSON.stringify(metadata)) }).catch(() => undefined);
  };
}

/** A stage as LXD tells of it: for programs, and for the eye. */
export function stageWords(stage: string, label: string): Words {
  return (bytes, bytesPerSecond) => ({
    progress: { stage, processed: String(bytes), speed: String(Math.round(bytesPerSecond)) },
    [`${stage}_progress`]: `${label}: ${progressWords(bytes, bytesPerSecond)}`,
  });
}

/** "54.56MB (27.20MB/s)" */
export function progressWords(bytes: number, bytesPerSecond: number): string {
  return `${sizeWords(bytes)} (${sizeWords(bytesPerSecond)}/s)`;
}

/** Decimal units with two digits, as LXD shows sizes to people. */
function sizeWords(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)}B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length);
  return `${(bytes / 1000 ** power).toFixed(2)}${units[power - 1]}`;
}
