import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['browser/**/*.test.ts'],
    environment: 'node',
    globalSetup: 'browser/setup.ts',
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 2, // each with servers of its own
  },
})
