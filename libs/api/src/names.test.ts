import { describe, expect, it } from 'vitest';
import { requireInstanceName, requireInterfaceName, requireName, requireSnapshotName } from './names.js';

describe('names, in the reference server\'s words', () => {
  it.each(['c1', 'A-b-3', 'a'.repeat(63)])('takes the instance name %s', (name) => expect(() => requireInstanceName(name)).not.toThrow());

  it.each([
    ['-a', 'Invalid instance name: Name must not start with "-" character'],
    ['a-', 'Invalid instance name: Name must not end with "-" character'],
    ['1a', 'Invalid instance name: Name must not start with a number'],
    ['a_b', 'Invalid instance name: Name can only contain alphanumeric and hyphen characters'],
    ['a.b', 'Invalid instance name: Name can only contain alphanumeric and hyphen characters'],
    ['é', 'Invalid instance name: Name can only contain alphanumeric and hyphen characters'],
    ['a/b', 'The character "/" is reserved for snapshots'],
    ['a'.repeat(64), 'Invalid instance name: Name must be 1-63 characters long'],
  ])('refuses the instance name %s', (name, message) => expect(() => requireInstanceName(name)).toThrow(message));

  it('refuses names that lead out of a directory', () => {
    expect(() => requireName('profile', '..')).toThrow('Invalid profile name ".."');
    expect(() => requireName('storage pool', '..')).toThrow('Invalid storage pool name ".."');
    expect(() => requireSnapshotName('..')).toThrow();
    expect(() => requireSnapshotName('a/b')).toThrow('Invalid snapshot name: Cannot contain "/"');
    expect(() => requireName('project', 'a/b')).toThrow('Project names may not contain slashes');
  });

  it('knows the limits of the kernel for interfaces', () => {
    expect(() => requireInterfaceName('lxdbr0')).not.toThrow();
    expect(() => requireInterfaceName('a'.repeat(16))).toThrow('Network interface is too long (maximum 15 characters)');
    expect(() => requireInterfaceName('a b')).toThrow('Network interface contains invalid characters');
  });
});
