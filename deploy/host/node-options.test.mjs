import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { nodeOptions } from './node-options.mjs';

it('servers that are started by name run as those that are started here', () => {
  const [shebang] = readFileSync(new URL('../../services/standalone/src/main.ts', import.meta.url), 'utf8').split('\n');
  expect(shebang).toBe(`#!/usr/bin/env -S node ${nodeOptions.join(' ')}`);
});
