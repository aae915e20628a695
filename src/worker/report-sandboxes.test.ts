import { expect, it } from 'vitest';
import { createAttempt } from '../agent/attempt.fixture.ts';
import type { Agent } from '../config/config.ts';
import { collectLog } from '../core/log.fixture.ts';
import { reportSandboxes } from './report-sandboxes.ts';

await using attempt = await createAttempt();
const SANDBOX = { isRequired: false, allow: [], read: [], write: [], pids: 1, cpus: null, openFiles: 1, diskMb: 1 };
const agent = (name: string, more: Partial<Agent>): Agent => ({ ...attempt.spec.agent, name, ...more });
const reader = agent('reader', { tools: ['Read'] });
const coder = agent('coder', { tools: ['Bash'], sandbox: SANDBOX });
const opened = agent('opened', { tools: ['Bash'] });
const careful = agent('careful', { tools: ['Bash'], sandbox: { ...SANDBOX, isRequired: true } });
const MISSING = { missing: 'bubblewrap is not installed' };

function report(agents: readonly Agent[], found: Parameters<typeof reportSandboxes>[0]['found']) {
  const { log, lines } = collectLog();
  reportSandboxes({ agents, found, containment: 'mount_namespace', log });
  return lines;
}

it('logs nothing when every agent that could do harm is in a sandbox', () => {
  expect(report([reader, coder, careful], { kind: 'user_namespace' })).toEqual([]);
  expect(report([reader], MISSING)).toEqual([]);
});

it('names the agents whose sandbox is turned off', () => {
  expect(report([reader, coder, opened], { kind: 'user_namespace' })).toMatchObject([
    { level: 'warn', agents: ['opened'], containment: 'mount_namespace' },
  ]);
});

it('says what is missing, what then holds, and what to do', () => {
  expect(report([reader, coder], MISSING)).toMatchObject([
    {
      level: 'warn',
      agents: ['coder'],
      missing: 'bubblewrap is not installed',
      containment: 'mount_namespace',
      mend: expect.stringContaining('Install bubblewrap') as string,
    },
  ]);
});

it('refuses to start where an agent requires what the machine does not allow', () => {
  expect(() => report([reader, coder, careful], MISSING)).toThrow(
    expect.objectContaining({
      code: 'sandbox_unavailable',
      message: expect.stringMatching(/^The agents careful require a sandbox.*bubblewrap is not installed/) as string,
    }),
  );
});
