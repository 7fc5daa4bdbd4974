#!/usr/bin/env -S node --min-semi-space-size=4 --max-semi-space-size=4
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { readArguments, usage } from './arguments.js';
import { lockStateDir } from './state-dir-lock.js';

async function main(): Promise<void> {
  const asked = readArguments(process.argv.slice(2), process.env);
  if (asked === 'help') return void process.stdout.write(`${usage}\n`);
  process.env['LXD_DIR'] = asked.stateDir;
  const unlock = await lockStateDir(asked.stateDir);
  enableCompileCache(join(asked.stateDir, 'cache', 'compiled'));
  const { Server } = await import('./server.js');
  const server = new Server(asked.stateDir);
  await server.start();
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await server.close();
    await unlock();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

main().catch((error: unknown) => {
  process.stderr.write(`asterism: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
