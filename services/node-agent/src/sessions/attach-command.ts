import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { Argv } from '../host/commands.js';

/** How the LXC tools name a running container. */
export interface LxcName {
  /** The directory given to lxc-start with -P. */
  path: string;
  name: string;
}

/**
 * lxc-attach for a command: a clean environment, user and group of the request, and the working directory. lxc-attach takes over its own
 * working directory where the host has a directory of that name; any other is entered by the guest's shell; one that is not there is the root directory, as in the reference.
 * @param hostHasCwd whether the host has a directory of that name.
 */
export function attachCommand(lxc: LxcName, session: agentInstances.ExecSession, hostHasCwd: boolean): { argv: Argv; cwd: string } {
  const { command, user, group } = session;
  if (command.length === 0) throw new LxdError('bad-request', 'No command specified');
  for (const word of command) if (word.includes('\0')) throw new LxdError('bad-request', 'A command cannot hold a null byte');
  const cwd = session.cwd || '/root';
  const variables = Object.entries(session.environment).flatMap(([name, value]) => ['-v', `${requireName(name)}=${value}`]);
  const ids = [...(user ? ['-u', String(user)] : []), ...(group ? ['-g', String(group)] : [])];
  const inGuest = hostHasCwd ? command : ['sh', '-c', 'cd "$0" 2>/dev/null; exec "$@"', cwd, ...command];
  return {
    argv: ['lxc-attach', '-q', '-l', 'CRIT', '-o', '/dev/null', '-P', lxc.path, '-n', lxc.name, '--clear-env', ...variables, ...ids, '--', ...inGuest],
    cwd: hostHasCwd ? cwd : '/',
  };
}

/** The same lxc-attach, which reads a configuration before it enters the container. */
export function withConfig([tool, ...args]: Argv, path: string): Argv {
  return [tool, '-f', path, ...args];
}

export function consoleCommand(lxc: LxcName): Argv {
  return ['lxc-console', '-q', '-P', lxc.path, '-n', lxc.name, '-t', '0', '-e', '-1'];
}

function requireName(name: string): string {
  if (name === '' || /[=\0]/.test(name)) throw new LxdError('bad-request', `Invalid environment variable name ${JSON.stringify(name)}`);
  return name;
}
