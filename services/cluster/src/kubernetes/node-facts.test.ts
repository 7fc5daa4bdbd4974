import { expect, test } from 'vitest';
import { nodeFacts } from './node-facts.js';

test('a node says where it is, what it is, and whether it takes more', () => {
  const node = {
    metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'north' }, annotations: { 'asterism/description': 'rack 7' } },
    spec: { unschedulable: true },
  };
  expect(nodeFacts(node)).toEqual({ member: 'n1', failureDomain: 'north', description: 'rack 7', cordoned: true });
});

test('a node that says nothing changes nothing', () => {
  expect(nodeFacts({ metadata: { name: 'n2', labels: {} }, spec: {} })).toEqual({ member: 'n2', failureDomain: undefined, description: undefined, cordoned: false });
});
