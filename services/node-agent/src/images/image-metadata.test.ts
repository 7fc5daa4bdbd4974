import { describe, expect, it } from 'vitest';
import { parseImageMetadata } from './image-metadata.js';

describe('metadata.yaml', () => {
  it('keeps scalars as they are written', () => {
    const text = 'architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  release: 12.0\n  on: true\n  "n\\nl": ~\n';
    expect(parseImageMetadata(text)).toMatchObject({ creation_date: 1_700_000_000, expiry_date: 0, properties: { release: '12.0', on: 'true', 'n\nl': '~' } });
  });

  it('knows templates', () => {
    const text = 'templates:\n  /etc/hostname:\n    when: [create, copy]\n    template: hostname.tpl\n  /x:\n    create_only: true\n    template: x\n    properties: {a: b}\n';
    expect(parseImageMetadata(text).templates).toEqual({
      '/etc/hostname': { when: ['create', 'copy'], create_only: false, template: 'hostname.tpl', properties: {} },
      '/x': { when: [], create_only: true, template: 'x', properties: { a: 'b' } },
    });
  });

  const bad = {
    'broken text': 'foo: [1,\n',
    'a list at the top': '- 1\n',
    'properties that are a list': 'properties: [1]\n',
    'a property that is a mapping': 'properties: {a: {b: c}}\n',
    'a date that is no number': 'creation_date: yesterday\n',
    'templates of another shape': 'templates: {/x: [1]}\n',
    'nesting without end': `properties: ${'['.repeat(50_000)}`,
    'a bomb of aliases': `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]!}`).join(',')}]`).join('\n')}\n`,
  };
  for (const [what, text] of Object.entries(bad)) {
    it(`refuses ${what}`, () => expect(() => parseImageMetadata(text)).toThrow(/^yaml: /));
  }
});
