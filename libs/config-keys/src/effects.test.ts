import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as tables from './index.js';
import type { ConfigKey } from './key.js';

/** Keys of instances and devices that are accepted, checked where there is a rule, and do nothing here. SCOPE.md tells of them. */
const withoutEffect: Readonly<Record<string, string>> = {
  'migration.incremental.memory': 'no live migration of containers without CRIU',
  'migration.incremental.memory.goal': 'no live migration of containers without CRIU',
  'migration.incremental.memory.iterations': 'no live migration of containers without CRIU',
  'migration.stateful': 'virtual machines',
  'security.secureboot': 'virtual machines',
  'size.state': 'virtual machines',
  'boot.priority': 'virtual machines',
  mdev: 'virtual machines',
  'security.protection.shift': 'nothing is shifted on disk',
  'mig.uuid': 'cards cut by NVIDIA are refused',
  'mig.gi': 'cards cut by NVIDIA are refused',
  'mig.ci': 'cards cut by NVIDIA are refused',
  'maas.subnet.ipv4': 'no MAAS',
  'maas.subnet.ipv6': 'no MAAS',
  'ipv4.routes.external': 'OVN',
  'ipv6.routes.external': 'OVN',
  'security.acls': 'OVN',
  'security.acls.default.ingress.action': 'OVN',
  'security.acls.default.egress.action': 'OVN',
  'security.acls.default.ingress.logged': 'OVN',
  'security.acls.default.egress.logged': 'OVN',
};

/** Read by what is inside the instance (cloud-init through templates and devlxd), or written by the server and told by another name. */
const elsewhere = /^user\.|^volatile\.|^limits\.kernel\.\*$/;

/** LXD takes any value for these; what is not true is false, and the rules for the last ones look at several options at once. */
const anyValue = ['security.mac_filtering', 'security.ipv4_filtering', 'security.ipv6_filtering', 'vlan.tagged', 'mtu'];

const repository = join(import.meta.dirname, '../../..');

function sources(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'dist', 'config-keys'].includes(entry.name) ? [] : sources(path);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

const text = ['services', 'libs'].flatMap((directory) => sources(join(repository, directory))).map((path) => readFileSync(path, 'utf8')).join('\n');
const words = new Set(text.match(/\w+/g));
const named = Object.entries(tables as Record<string, unknown>).filter(([name]) => /^(?:instance|disk|nic|proxy|gpu|usb|unix|infiniband|tpm|pci)\w*Keys$/.test(name)) as [string, Record<string, ConfigKey>][];

describe('a key of instances or devices', () => {
  it.each(named)('of %s is used by a service or known to do nothing', (_table, keys) => {
    const unused = Object.entries(keys).filter(([property, { name }]) => !words.has(property) && !text.includes(`'${name}'`) && !elsewhere.test(name));
    expect(unused.map(([, { name }]) => name).filter((name) => !(name in withoutEffect))).toEqual([]);
  });

  it('has a rule for its values when it is no free text', () => {
    const free = named.flatMap(([, keys]) => Object.values(keys)).filter((key) => ['bool', 'integer', 'int'].includes(key.type) && !key.validate && !key.name.startsWith('volatile.'));
    expect(free.map(({ name }) => name).filter((name) => !anyValue.includes(name))).toEqual([]);
  });
});
