import { parseArgs } from 'node:util';

export interface Arguments {
  stateDir: string;
}

export const usage = `Usage: asterism standalone [--state-dir DIR]

Serves the LXD API on DIR/unix.socket (and on core.https_address once that is set) in the foreground.
DIR defaults to LXD_DIR, then to /var/lib/asterism. SIGTERM stops the server and leaves instances running.`;

/** What the command line asks for; throws with a sentence that says what to do. */
export function readArguments(argv: readonly string[], env: NodeJS.ProcessEnv): Arguments | 'help' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { 'state-dir': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return 'help';
  const [command, ...rest] = positionals;
  if (command !== undefined && command !== 'standalone') throw new Error(`unknown command "${command}"`);
  if (rest.length > 0) throw new Error(`unexpected argument "${rest[0]}"`);
  const stateDir = values['state-dir'] ?? env['LXD_DIR'] ?? '/var/lib/asterism';
  if (!stateDir.startsWith('/')) throw new Error(`--state-dir wants an absolute path, not "${stateDir}"`);
  return { stateDir: stateDir.replace(/\/+$/, '') || '/' };
}
