import { extensions } from '@asterism/api';
import { describe, expect, it } from 'vitest';
import { containerExtensions, missing } from './container-extensions.js';
import { readProofs } from './proofs.js';

const proofs = readProofs();
const names = Object.values(containerExtensions).flat();

describe('an extension that concerns containers', () => {
  it('is advertised, or it is said what is missing', () => {
    expect(names.filter((name) => !extensions.includes(name) && !(name in missing))).toEqual([]);
  });

  it('is advertised only with a test or a script that proves it', () => {
    expect(names.filter((name) => !(name in missing) && !proofs.has(name))).toEqual([]);
  });
});

describe('what a test says it proves', () => {
  it('is the name of an extension that is advertised', () => {
    expect([...proofs.keys()].filter((name) => !extensions.includes(name))).toEqual([]);
  });
});
