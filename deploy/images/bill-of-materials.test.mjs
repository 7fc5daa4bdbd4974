import { expect, test } from 'vitest';
import { billOfMaterials, debianComponents, nodeComponent, npmComponents } from './bill-of-materials.mjs';

const status = `Package: lxc
Status: install ok installed
Architecture: amd64
Version: 1:5.0.2-1+deb12u3
Description: Linux Containers
 of Linux

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
`;

const lock = {
  packages: {
    'libs/rpc': { version: '0.1.0' },
    'node_modules/@asterism/rpc': { link: true, resolved: 'libs/rpc' },
    'node_modules/@nestjs/core': { version: '11.0.1', license: 'MIT', integrity: `sha512-${Buffer.from([1, 2]).toString('base64')}` },
    'node_modules/a/node_modules/b': { version: '2.0.0', license: '(MIT OR Apache-2.0)' },
  },
};

test('Debian packages that are installed, none that only left its configuration', () => {
  expect(debianComponents(status)).toEqual([expect.objectContaining({ name: 'lxc', version: '1:5.0.2-1+deb12u3', purl: 'pkg:deb/debian/lxc@1%3A5.0.2-1%2Bdeb12u3?arch=amd64&distro=bookworm' })]);
});

test('npm packages with their licences and digests, but not the workspaces', () => {
  expect(npmComponents(lock)).toEqual([
    expect.objectContaining({ name: '@nestjs/core', purl: 'pkg:npm/%40nestjs/core@11.0.1', licenses: [{ license: { name: 'MIT' } }], hashes: [{ alg: 'SHA-512', content: '0102' }] }),
    expect.objectContaining({ name: 'b', version: '2.0.0', licenses: [{ expression: '(MIT OR Apache-2.0)' }] }),
  ]);
});

test('the order does not show, and each component stands once', () => {
  const components = [nodeComponent('v24.1.0'), ...npmComponents(lock), ...debianComponents(status)];
  const about = { image: 'asterism/agent', version: '0.1.0', time: '2026-01-01T00:00:00.000Z' };
  const bill = billOfMaterials({ ...about, components });
  expect(bill).toEqual(billOfMaterials({ ...about, components: [...components, ...components].reverse() }));
  expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', metadata: { component: { type: 'container', name: 'asterism/agent' } } });
  expect(bill.components).toHaveLength(4);
});
