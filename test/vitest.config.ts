import { defineConfig } from 'vitest/config';

/** Scenarios against real servers on isolated hosts: one file after the other, each with a server of its own. */
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], exclude: ['**/dist/**', '**/node_modules/**'], fileParallelism: false, testTimeout: 60_000, hookTimeout: 180_000 },
});
