import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { StatsResource } from '../api/contract.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('longhaul stats', () => {
  let operator: OperatorServer;

  const longhaul = (...args: string[]) => runCommand(args, { cwd: tmpdir(), env: operator.env });

  beforeAll(async () => {
    operator = await startOperatorServer();
    const { service } = operator;
    await service.submit();
    await service.finish(await service.claim());
    await service.submit();
    await service.finish(await service.claim(), 'the key is wrong');
    await service.submit();
  });
  afterAll(() => operator.close());

  it('shows the steps in columns, with their total, the present and the errors', async () => {
    const { stdout, exitCode } = await longhaul('stats', '--agent', 'reader');
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(
      /^FROM +SUBMITTED {2}SUCCEEDED {2}FAILED {2}CANCELLED {2}WAIT P95 {2}DURATION P50 +P95 +COST$/,
    );
    expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:00Z +\d+ +\d+ +\d+ +\d+/);
    expect(lines.find((line) => line.startsWith('TOTAL'))).toMatch(
      /^TOTAL +3 +1 +1 +0 +[\d.]+ s +[\d.]+ s +[\d.]+ s +\$/,
    );
    expect(lines.slice(-2)).toEqual(['Now: 0 running, 1 queued, 0 waiting.', 'Errors: 1 provider_auth.']);
  });

  it('prints the answer as JSON, and rejects another step', async () => {
    const stats = JSON.parse((await longhaul('stats', '--step', 'day', '--json')).stdout) as StatsResource;
    expect(stats).toMatchObject({ step: 'day', totals: { submitted: 3, succeeded: 1, failed: 1 } });
    const wrong = await longhaul('stats', '--step', 'week');
    expect([wrong.exitCode === 0, wrong.stderr]).toEqual([
      false,
      expect.stringContaining('minute, hour, day') as string,
    ]);
  });
});
