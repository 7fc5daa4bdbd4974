import { closeSync, writeSync } from 'node:fs';
import { openPipe } from './posix-spawn.js';

/** A file whose end is written later: whoever reads it waits until then. */
export interface HeldFile {
  /** For another process of this host to open. */
  path: string;
  /** Writes the rest; at most 64 KiB with what stands at the beginning. */
  finish(rest: string): void;
  /** Ends it where it is, also when the agent dies, and forgets it: the path is gone. Again: nothing. */
  close(): void;
}

export type HoldFile = (beginning: string) => HeldFile;

export const holdFile: HoldFile = (beginning) => {
  const { read, write } = openPipe();
  const open = new Set([read, write]);
  const close = (descriptor: number): void => {
    if (open.delete(descriptor)) closeSync(descriptor);
  };
  writeSync(write, beginning);
  return {
    path: `/proc/${process.pid}/fd/${read}`,
    finish(rest) {
      if (!open.has(write)) return;
      writeSync(write, rest);
      close(write);
    },
    close() {
      close(write);
      close(read);
    },
  };
};
