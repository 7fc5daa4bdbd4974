import { Worker } from 'node:worker_threads';
import { LxdError } from '@asterism/errors';
import { parseYaml } from './parse-yaml.js';

/** The parser's time and memory grow with the square of some texts: up to this size they are milliseconds whatever the text is. */
const harmlessBytes = 32 * 1024;
const deadlineMs = 10_000;
const limits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };

/** Threads run compiled code, also when the rest runs from its sources. */
const workerFile = new URL('./parse-worker.js', import.meta.url.replace(/\/src\/(.*)\/([^/]*)\.ts$/, '/dist/$1/$2.js'));

export type Parsed = { index: Record<string, unknown> } | { refused: string };

/** A stranger's index.yaml; a long one is parsed by a thread of its own, whose death is not the agent's. */
export async function parseIndex(text: string): Promise<Record<string, unknown>> {
  if (Buffer.byteLength(text) <= harmlessBytes) return parseYaml(text);
  const worker = new Worker(workerFile, { workerData: text, resourceLimits: limits, execArgv: [] });
  try {
    const parsed = await new Promise<Parsed>((resolve) => {
      const refuse = (why: string): void => resolve({ refused: `yaml: index.yaml ${why}` });
      const timer = setTimeout(() => refuse('takes too long to read'), deadlineMs);
      worker.once('message', (message: Parsed) => resolve(message));
      worker.once('error', () => refuse('takes too much to read'));
      worker.once('exit', () => (clearTimeout(timer), refuse('cannot be read')));
    });
    if ('refused' in parsed) throw new LxdError('bad-request', parsed.refused);
    return parsed.index;
  } finally {
    void worker.terminate();
  }
}
