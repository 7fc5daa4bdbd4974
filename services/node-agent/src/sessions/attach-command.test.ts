import type { agentInstances } from '@asterism/proto';
import { describe, expect, it } from 'vitest';
import { attachCommand, consoleCommand } from './attach-command.js';

const lxc = { path: '/var/lib/asterism/containers', name: 'c1' };
const session: agentInstances.ExecSession = {
  id: 's',
  instance_id: 'i',
  command: ['sh', '-c', 'echo "$A"; true'],
  environment: { A: 'x y', PATH: '/bin' },
  wait_for_websocket: false,
  interactive: false,
  width: 0,
  height: 0,
  cwd: '',
  record_output: false,
};

describe('the command that enters a container', () => {
  it('is an argument array with a clean environment', () => {
    const { argv, cwd } = attachCommand(lxc, session, true);
    expect(argv.join('|')).toBe('lxc-attach|-q|-l|CRIT|-o|/dev/null|-P|/var/lib/asterism/containers|-n|c1|--clear-env|-v|A=x y|-v|PATH=/bin|--|sh|-c|echo "$A"; true');
    expect(cwd).toBe('/root');
  });

  it('has the ids of the request', () => {
    expect(attachCommand(lxc, { ...session, user: 5, group: 6 }, true).argv).toEqual(expect.arrayContaining(['-u', '5', '-g', '6']));
  });

  it('lets the guest enter a directory that the host does not have', () => {
    const { argv, cwd } = attachCommand(lxc, { ...session, cwd: '/srv/$(x)' }, false);
    expect(argv.slice(argv.indexOf('--') + 1)).toEqual(['sh', '-c', 'cd "$0" 2>/dev/null; exec "$@"', '/srv/$(x)', ...session.command]);
    expect(cwd).toBe('/');
  });

  it('is refused for no command, null bytes and names that are none', () => {
    expect(() => attachCommand(lxc, { ...session, command: [] }, true)).toThrow('No command specified');
    expect(() => attachCommand(lxc, { ...session, command: ['a\0b'] }, true)).toThrow('null byte');
    expect(() => attachCommand(lxc, { ...session, environment: { 'A=B': '' } }, true)).toThrow('Invalid environment variable name');
  });

  it('opens the console without an escape key', () => {
    expect(consoleCommand(lxc)).toEqual(['lxc-console', '-q', '-P', lxc.path, '-n', 'c1', '-t', '0', '-e', '-1']);
  });
});
