import { expect, test } from 'vitest';
import { startAgentProcess } from './agent-process.ts';
import { PARENT_DEATH_SIGNAL } from './containment/containment.ts';
import { createAttempt, fakeClaude } from './attempt.fixture.ts';

/** Tests of behaviour that the real executable cannot be made to show. */

function createAttemptOf(fake: string, startTimeoutMs = 30_000) {
  // No PID namespace: a shell that is the first process in it receives no signal that it does not handle.
  return createAttempt({ spec: { claudePath: fakeClaude(fake), startTimeoutMs, containment: PARENT_DEATH_SIGNAL } });
}

test('an executable that sends no message is ended, and the run fails as cli_start_failed', async () => {
  await using attempt = await createAttemptOf('hangs', 300);
  const report = await startAgentProcess(attempt.spec).done;
  expect(report).toMatchObject({ outcome: { status: 'failed', code: 'cli_start_failed' }, signal: 'SIGTERM' });
  expect(await attempt.processes()).toEqual([]);
});

test('an executable that fails at start is reported with its exit code and its stderr', async () => {
  await using attempt = await createAttemptOf('fails-at-start');
  const report = await startAgentProcess(attempt.spec).done;
  expect(report).toMatchObject({ outcome: { status: 'failed', code: 'cli_start_failed' }, exitCode: 3 });
  expect(report.stderrTail).toBe('error: unknown option --frobnicate\n');
  expect(report.outcome).toHaveProperty('detail', expect.stringContaining('--frobnicate'));
});

test('an executable that is killed while it works fails the run as cli_crashed, and its messages are kept', async () => {
  await using attempt = await createAttemptOf('dies');
  const report = await startAgentProcess(attempt.spec).done;
  expect(report).toMatchObject({
    outcome: { status: 'failed', code: 'cli_crashed' },
    signal: 'SIGKILL',
    costMicros: null,
    modelUsage: null,
  });
  expect(attempt.dataOf('agent.text')).toEqual([{ text: 'I begin.', blockId: 'msg_1:0' }]);
});

test('an executable that prints garbage and exits quietly is a failure, never a success', async () => {
  await using attempt = await createAttemptOf('prints-garbage');
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({ status: 'failed', code: 'cli_crashed' });
});

test('an executable that ignores interrupt and SIGTERM is killed', async () => {
  await using attempt = await createAttemptOf('ignores-term');
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.init');
  const startedAt = performance.now();
  await agent.stop('cancelled');
  expect(performance.now() - startedAt).toBeLessThan(6_000);
  expect(await agent.done).toMatchObject({ outcome: { status: 'stopped', reason: 'cancelled' }, signal: 'SIGKILL' });
  expect(await attempt.processes()).toEqual([]);
});

test('an executable that does not exit after its result is ended, and the result counts', async () => {
  await using attempt = await createAttemptOf('lingers');
  const report = await startAgentProcess(attempt.spec).done;
  expect(report).toMatchObject({ outcome: { status: 'succeeded', result: 'done' }, costMicros: 250_000 });
  expect(await attempt.processes()).toEqual([]);
});

test('a result that comes while the process is being ended counts', async () => {
  await using attempt = await createAttemptOf('finishes-on-term');
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.init');
  await agent.stop('cancelled');
  expect((await agent.done).outcome).toEqual({ status: 'succeeded', result: 'just in time' });
});
