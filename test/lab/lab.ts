import { inject } from 'vitest';
import { Port } from './port.js';
import type { Output } from './port.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the port into the machine that the whole run shares. */
    port: string;
  }
}

/** Scripts run in the machine as its root, with the server's `lxc`. */
export class Lab {
  constructor(private readonly port: Port) {}

  /** Answers what was printed, errors too; throws when it fails. */
  async sh(script: string, seconds = 150): Promise<string> {
    const { code, text } = await this.try(`set -e -o pipefail\n${script}`, seconds);
    if (code !== 0) throw new Error(`exit ${code} of: ${script}\n${text}`);
    return text.trim();
  }

  /** Goes on after a step that fails. */
  async try(script: string, seconds = 150): Promise<Output> {
    return await this.port.run(`. /run/lab-environment\n${script}`, seconds);
  }

  /** What a failed command said. */
  async refusal(script: string): Promise<string> {
    const { code, text } = await this.try(script);
    if (code === 0) throw new Error(`should have failed: ${script}\n${text}`);
    return text.trim();
  }

  /** Whether the instance reaches an address. */
  async ping(address: string, instance = 'guest'): Promise<boolean> {
    const { code, text } = await this.try(`lxc exec ${instance} -- ping -c 3 -W 5 -A ${address}`);
    if (!text.includes('packets received')) throw new Error(text);
    return code === 0;
  }

  /** Prints JSON. */
  async json<T>(script: string): Promise<T> {
    const text = await this.sh(script);
    return JSON.parse(text) as T;
  }
}

/** The machine of this run. */
export function laboratory(): Lab {
  return new Lab(new Port(inject('port')));
}
