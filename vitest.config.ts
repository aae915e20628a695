import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

/** The files about one part, about texts, or about a Longhaul in the test's own process. */
const SHARED = [
  'src/**/*.test.ts',
  'dashboard/**/*.test.ts',
  'test/{agent-features,agent-health,answers,approvals,attachments,base-path,conversations,limits-over-attempts}.test.ts',
  'test/{provider-limits,provider-proxy,refused-conversations}.test.ts',
  'test/{callbacks,configuration-docs,contract,contract-breaks,doctor-docs,errors,language,structure}.test.ts',
  'test/{benchmark,chaos/judges}.test.ts',
];

export default defineConfig({
  resolve: { conditions: ['longhaul-source'] },
  ssr: { resolve: { conditions: ['longhaul-source'] } },
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // Tests wait for processes, networks and deadlines for a third of their time: three fill two cores. Each has connections.
    maxWorkers: Math.min(8, availableParallelism() + 1),
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 240_000,
    teardownTimeout: 30_000,
    // A machine may be ten times as slow as another.
    expect: { poll: { timeout: 30_000 } },
    // Real processes on a busy machine miss a deadline at times. The summary names each test that needed its second try.
    retry: process.env['CI'] === undefined ? 0 : 1,
    projects: [
      {
        test: {
          name: 'alone',
          include: ['test/**/*.test.ts'],
          exclude: SHARED,
          // The embedded PostgreSQL as V8 first compiles it: a file is over before the better code is paid for.
          execArgv: ['--liftoff-only'],
        },
      },
      // Each file would start a process, load the same sources and compile the same embedded PostgreSQL.
      { test: { name: 'shared', include: SHARED, isolate: false } },
    ],
  },
});
