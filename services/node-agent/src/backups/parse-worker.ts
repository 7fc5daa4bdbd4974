import { parentPort, workerData } from 'node:worker_threads';
import type { Parsed } from './parse-index.js';
import { parseYaml } from './parse-yaml.js';

parentPort!.postMessage(parsed(workerData as string));

function parsed(text: string): Parsed {
  try {
    return { index: parseYaml(text) };
  } catch (error) {
    return { refused: (error as Error).message };
  }
}
