import { readFileSync } from 'node:fs';
import type { TestServer } from '../servers/server.js';

const everyMs = 500;

export interface Memory {
  /** Of the control plane's process, MiB. */
  nowMiB: number;
  peakMiB: number;
  /** Of all PostgreSQL processes together, shared pages once. */
  databaseMiB: number;
}

/** Watches what the processes of the control plane hold. */
export class MemoryWatch {
  #peak = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly server: TestServer) {
    this.#timer = setInterval(() => (this.#peak = Math.max(this.#peak, this.#now())), everyMs);
  }

  read(): Memory {
    const database = this.server.host.processes().filter((pid) => commandOf(pid).startsWith('postgres'));
    return { nowMiB: this.#now(), peakMiB: Math.max(this.#peak, this.#now()), databaseMiB: database.reduce((sum, pid) => sum + mebibytes(`/proc/${pid}/smaps_rollup`, 'Pss'), 0) };
  }

  /** Processor seconds that the control plane has used. */
  processorSeconds(): number {
    const fields = readFileSync(`/proc/${this.server.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #now(): number {
    return mebibytes(`/proc/${this.server.pid}/status`, 'VmRSS');
  }
}

function mebibytes(file: string, field: string): number {
  try {
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return '';
  }
}
