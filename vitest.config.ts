import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  resolve: { conditions: ['longhaul-source'] },
  ssr: { resolve: { conditions: ['longhaul-source'] } },
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // The embedded PostgreSQL as V8 first compiles it: what a test does is over before the better code is paid for.
    execArgv: ['--liftoff-only'],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    // Real processes on a busy machine miss a deadline at times. The summary names each test that needed its second try.
    retry: process.env['CI'] === undefined ? 0 : 1,
    projects: [
      { test: { name: 'whole', include: ['test/**/*.test.ts'] } },
      // The files share a process: each of them would load and compile the same sources and the embedded PostgreSQL.
      { test: { name: 'rooms', include: ['src/**/*.test.ts', 'dashboard/**/*.test.ts'], isolate: false } },
    ],
  },
});
