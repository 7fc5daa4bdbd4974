import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServerKind } from './server.js';

/** The repository, from the sources and from what was compiled of them. */
export const repository = above(import.meta.dirname);

function above(directory: string): string {
  return existsSync(join(directory, 'nx.json')) ? directory : above(dirname(directory));
}

const nodeOptions = JSON.parse(readFileSync(join(repository, 'deploy/host/node-options.json'), 'utf8')) as string[];

const standalone = (stateDirectory: string): string[] => [process.execPath, ...nodeOptions, process.env['ASTERISM_BIN'] ?? join(repository, 'services/standalone/dist/main.js'), 'standalone', '--state-dir', stateDirectory];

/** Asterism in one process, or every service in its own with `ASTERISM_COMPOSITION=processes`. `ASTERISM_BIN` names another entry of the first. */
export const asterism: ServerKind = {
  name: 'asterism',
  command: (stateDirectory) => (process.env['ASTERISM_COMPOSITION'] === 'processes' ? [process.execPath, join(repository, 'deploy/host/processes.mjs'), stateDirectory] : standalone(stateDirectory)),
  env: (stateDirectory) => ({ LXD_DIR: stateDirectory, NODE_ENV: 'production' }),
};

/** In one process, whatever the environment says. */
export const alone: ServerKind = { ...asterism, name: 'standalone', command: standalone };

/** Every service in its own process, whatever the environment says. */
export const inProcesses: ServerKind = { ...asterism, name: 'processes', command: (stateDirectory) => [process.execPath, join(repository, 'deploy/host/processes.mjs'), stateDirectory] };

/** The same, forgetting the steps of its operations: what durability is measured against. */
export const unrecorded: ServerKind = { ...asterism, name: 'unrecorded', env: (stateDirectory) => ({ ...asterism.env(stateDirectory), ASTERISM_UNRECORDED_STEPS: 'measuring' }) };
