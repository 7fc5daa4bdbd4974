import { defineConfig } from 'vitest/config';

/** Scenarios against real servers on isolated hosts: one file after the other, each with a server of its own. No time here is an assertion: a slow machine may take long. */
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], exclude: ['**/dist/**', '**/node_modules/**'], fileParallelism: false, testTimeout: 240_000, hookTimeout: 300_000, expect: { poll: { timeout: 30_000 } } },
});
