import { defineConfig } from 'vitest/config';

/** Unit and driver tests run on the sources themselves ("source" is the export condition that names them). */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    include: ['libs/**/*.test.ts', 'services/**/*.test.ts', 'deploy/**/*.test.mjs', 'test/soak/**/*.test.ts', 'test/proofs/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    retry: process.env['CI'] ? 1 : 0,
  },
});
