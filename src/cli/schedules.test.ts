import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { RunResource, ScheduleResource } from '../api/contract.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

const UNKNOWN_ID = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';

describe('longhaul schedules', () => {
  let operator: OperatorServer;

  const longhaul = (...args: string[]) => runCommand(['schedules', ...args], { cwd: tmpdir(), env: operator.env });
  const parse = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as unknown;

  beforeAll(async () => {
    operator = await startOperatorServer();
  });
  afterAll(() => operator.close());

  it('creates one, lists it, pauses and resumes it, submits its run and deletes it', async () => {
    expect((await longhaul('list')).stdout).toBe('No schedules. To create one: longhaul schedules create\n');
    const when = ['--cron', '30 7 * * 1-5', '--time-zone', 'Europe/Berlin', '--missed', 'skip'];
    const whose = ['--name', 'morning', '--user', 'ann', '--team', 'ops'];
    const made = await longhaul('create', 'reader', 'Sum up.', ...when, ...whose, '--json');
    const schedule = parse(made) as ScheduleResource;
    expect(schedule).toMatchObject({ agent: 'reader', prompt: 'Sum up.', user: 'ann', team: 'ops', missed: 'skip' });
    const { id } = schedule;
    const daily = await longhaul('create', 'brief', 'Check.', '--cron', '@daily');
    expect(daily.stdout).toMatch(/^Schedule [\da-f-]{36}: next at \d{4}-\d\d-\d\dT\d\d:\d\d:00Z\.\n$/);

    const [title, , line] = (await longhaul('list')).stdout.trimEnd().split('\n');
    expect(title).toMatch(/^ID {36}NEXT {18}AGENT {3}CRON {10}TIME ZONE {6}NAME$/);
    expect(line).toMatch(
      new RegExp(`^${id} {2}\\d{4}-\\S+:30:00Z {2}reader {2}30 7 \\* \\* 1-5 {2}Europe/Berlin {2}morning$`),
    );

    expect((await longhaul('pause', id)).stdout).toBe(`Schedule ${id}: paused.\n`);
    expect(parse(await longhaul('resume', id, '--json'))).toMatchObject({ id, pausedAt: null });
    const { stdout } = await longhaul('trigger', id);
    expect(stdout).toMatch(/^[\da-f-]{36}\n$/);
    const run = (await (await operator.service.request(`/v1/runs/${stdout.trim()}`)).json()) as RunResource;
    expect(run).toMatchObject({ agent: 'reader', prompt: 'Sum up.', user: 'ann', team: 'ops', scheduleId: id });
    expect((await longhaul('delete', id)).stdout).toBe(`Schedule ${id}: deleted.\n`);
    const { data } = parse(await longhaul('list', '--json')) as { data: ScheduleResource[] };
    expect(data.map(({ agent }) => agent)).toEqual(['brief']);
  });

  // Tests of the API cover the other faults of a cron or a time zone.
  it.each([
    [['create', 'reader', 'x', '--cron', '61 * * * *'], 60, /cron is invalid: .*61/],
    [['create', 'nobody', 'x', '--cron', '@daily'], 68, /agent is not an agent of this service/],
    [['create', 'reader', 'x', '--cron', '@daily', '--missed', 'some'], 2, /must be skip, once or all/],
    [['create', 'reader', 'x'], 2, /required option '--cron <cron>'/],
    [['pause', 'x'], 2, /must be a schedule's id/],
    [['trigger', UNKNOWN_ID], 66, new RegExp(`no schedule ${UNKNOWN_ID}`)],
  ])('rejects %j', async (args, exitCode, message) => {
    expect(await longhaul(...args)).toMatchObject({
      exitCode,
      stdout: '',
      stderr: expect.stringMatching(message) as string,
    });
  });
});
