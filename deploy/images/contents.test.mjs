import { expect, test } from 'vitest';
import { belongs, images } from './contents.mjs';

test('images hold what runs, nothing that tests', () => {
  expect(belongs('libs/rpc/dist/server.js')).toBe(true);
  expect(belongs('services/node-agent/dist/main.js')).toBe(true);
  expect(belongs('services/node-agent/dist/instances/handle.test.js')).toBe(false);
  expect(belongs('libs/rpc/dist/server.test.d.ts.map')).toBe(false);
  expect(belongs('deploy/kubernetes/health.test.mjs')).toBe(false);
  expect(belongs('libs/testing/dist/index.js')).toBe(false);
  expect(belongs('services/standalone/dist')).toBe(false);
});

test('the control plane has no tools of a host, the agent no database', () => {
  expect(images['control-plane'].packages).not.toContain('lxc');
  expect(images.agent.packages).toEqual(expect.arrayContaining(['lxc', 'mount', 'nftables', 'btrfs-progs', 'dnsmasq-base']));
  expect(images.agent.packages).not.toContain('postgresql');
});
