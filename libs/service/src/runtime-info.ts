import type { Environment } from './environment.js';

/** Injectable facts of the process: its environment and how it is composed. */
export class RuntimeInfo {
  constructor(
    readonly environment: Environment,
    readonly composition: 'standalone' | 'processes',
  ) {}
}
