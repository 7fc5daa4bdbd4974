import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { image } from './image/image.js';
import { Machine } from './machine.js';
import { serverOfRun, startServer } from './server.js';

/** One machine with one server for the whole run, or the one held by `hold.ts`. `ASTERISM_LAB_LOG` names a file that the server's log is kept in. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const held = process.env['ASTERISM_LAB'];
  if (held) {
    project.provide('port', held);
    return undefined;
  }
  const started = Date.now();
  const machine = await Machine.boot(image(), 'v2');
  const off = async (): Promise<void> => {
    const [log, kept] = [join(machine.directory, 'exchange/server.log'), process.env['ASTERISM_LAB_LOG']];
    if (kept && existsSync(log)) copyFileSync(log, kept);
    await machine.off();
  };
  try {
    await startServer(machine);
  } catch (error) {
    await off();
    throw error;
  }
  machine.port.close();
  process.stdout.write(`the laboratory is up with ${serverOfRun()} after ${Math.round((Date.now() - started) / 1000)} s\n`);
  project.provide('port', machine.port.path);
  return off;
}
