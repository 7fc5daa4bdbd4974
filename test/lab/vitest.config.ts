import { defineConfig } from 'vitest/config';

/** Scenarios in a machine with a full kernel that all files share; emulated, it is some fifty times slower at starting programs. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    exclude: ['**/dist/**', '**/node_modules/**'],
    globalSetup: ['test/lab/setup.ts'],
    fileParallelism: false,
    reporters: ['verbose'],
    testTimeout: 300_000,
    hookTimeout: 900_000,
  },
});
