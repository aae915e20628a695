import { InvalidArgumentError, type Command } from 'commander';
import type { ScheduleResource } from '../client/client.ts';
import { parseCount, parseScheduleId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { printList, printOne, type PrintOptions, thereAreMore } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalLine } from './terminal-text.ts';

interface CreateOptions extends PrintOptions {
  readonly cron: string;
  readonly name?: string;
  readonly timeZone?: string;
  readonly missed?: ScheduleResource['missed'];
  readonly user?: string;
  readonly team?: string;
}

const EXAMPLES = `
Examples:
  $ longhaul schedules create reader "Sum up what came in overnight." --cron "30 7 * * 1-5" --time-zone Europe/Berlin
  $ longhaul schedules create reader "Check the links." --cron @daily --missed skip`;

/** Adds `longhaul schedules list`, `create`, `pause`, `resume`, `trigger` and `delete`. */
export function addSchedulesCommand(program: Command, shell: Shell): void {
  const schedules = program
    .command('schedules')
    .summary('manage schedules')
    .description('Create, list, pause, trigger and delete schedules, which submit runs at fixed times.')
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  $ longhaul schedules list');

  addCreate(schedules, shell);
  addList(schedules, shell);
  addChanges(schedules, shell);
  addTrigger(schedules, shell);
}

function addCreate(schedules: Command, shell: Shell): void {
  const create = schedules
    .command('create')
    .summary('create a schedule')
    .description('Create a schedule, and print the time of its first run.')
    .argument('<agent>', 'the agent')
    .argument('<prompt>', 'the task')
    .requiredOption('--cron <cron>', 'minute hour day month weekday, or a name such as @daily')
    .option('--name <name>', 'name of the schedule, for people')
    .option('--time-zone <zone>', "time zone of the cron (default: the server's timeZone)")
    .option(
      '--missed <policy>',
      'policy for ticks while no server was running: skip, once or all (default: once)',
      parseMissed,
    )
    .option('--user <user>', 'the end user of its runs')
    .option('--team <team>', 'the team whose budget its runs count for')
    .option('--json', 'print the schedule as JSON')
    .addHelpText('after', EXAMPLES);
  addConnectionOptions(create).action(async (agent: string, prompt: string, options: CreateOptions) => {
    const { cron, name, timeZone, missed, user, team } = options;
    const client = await connect(shell, options);
    const schedule = await client.createSchedule({ agent, prompt, cron, name, timeZone, missed, user, team });
    printOne(shell, schedule, { json: options.json, describe: ({ id }) => `Schedule ${id}: ${describe(schedule)}.` });
  });
}

function addList(schedules: Command, shell: Shell): void {
  const list = schedules
    .command('list')
    .summary('list schedules')
    .description('List the schedules, newest first.')
    .option('--limit <count>', 'maximum number of schedules, 1 to 200', parseCount(1, 200), 50)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul schedules list');
  addConnectionOptions(list).action(async ({ limit, ...options }: PrintOptions & { limit: number }) => {
    const client = await connect(shell, options);
    const page = await client.schedules({ limit });
    printList(shell, page, {
      json: options.json,
      columns: COLUMNS,
      none: 'No schedules. To create one: longhaul schedules create',
      more: thereAreMore,
    });
  });
}

const CHANGES = [
  ['pause', 'pause a schedule', 'Pause a schedule: it submits no runs until it is resumed.'],
  ['resume', 'resume a schedule', 'Resume a schedule: it submits runs again from now on.'],
  ['delete', 'delete a schedule', 'Delete a schedule. Its runs are unaffected, including queued runs.'],
] as const;

function addChanges(schedules: Command, shell: Shell): void {
  for (const [action, summary, description] of CHANGES) {
    const change = schedules
      .command(action)
      .summary(summary)
      .description(description)
      .argument('<id>', "the schedule's id", parseScheduleId)
      .option('--json', 'print the schedule as JSON')
      .addHelpText('after', `\nExample:\n  $ longhaul schedules ${action} 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f`);
    addConnectionOptions(change).action(async (id: string, options: PrintOptions) => {
      const client = await connect(shell, options);
      const act = { pause: client.pauseSchedule, resume: client.resumeSchedule, delete: client.removeSchedule }[action];
      const schedule = await act(id);
      const state = action === 'delete' ? 'deleted' : describe(schedule);
      printOne(shell, schedule, { json: options.json, describe: ({ id }) => `Schedule ${id}: ${state}.` });
    });
  }
}

function addTrigger(schedules: Command, shell: Shell): void {
  const trigger = schedules
    .command('trigger')
    .summary('submit the run of a schedule now')
    .description("Submit a schedule's run now, in addition to its ticks, and print the run's id.")
    .argument('<id>', "the schedule's id", parseScheduleId)
    .option('--json', 'print the run as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul schedules trigger 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(trigger).action(async (id: string, options: PrintOptions) => {
    const client = await connect(shell, options);
    const run = await client.triggerSchedule(id);
    printOne(shell, run, { json: options.json, describe: ({ id }) => id });
  });
}

function parseMissed(value: string): ScheduleResource['missed'] {
  if (value === 'skip' || value === 'once' || value === 'all') return value;
  throw new InvalidArgumentError('It must be skip, once or all.');
}

function describe({ pausedReason, nextAt, lastError }: ScheduleResource): string {
  if (pausedReason !== null) return pausedReason === 'by_hand' ? 'paused' : 'paused, its API key was revoked';
  const next = nextAt === null ? 'no tick is left' : `next at ${toMinute(nextAt)}`;
  return lastError === null ? next : `${next}; the last tick was rejected: ${toTerminalLine(lastError.message)}`;
}

const COLUMNS: readonly Column<ScheduleResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'NEXT', value: describeNext },
  { title: 'AGENT', value: ({ agent }) => agent },
  { title: 'CRON', value: ({ cron }) => cron },
  { title: 'TIME ZONE', value: ({ timeZone }) => timeZone },
  // The last column is cut at the end of the terminal.
  {
    title: 'NAME',
    value: ({ name, lastError }) =>
      [name, lastError && `last tick rejected: ${lastError.message}`].filter((part) => part !== null).join(', '),
  },
];

function describeNext({ pausedReason, nextAt }: ScheduleResource): string {
  if (pausedReason !== null) return pausedReason === 'by_hand' ? 'paused' : 'key revoked';
  return nextAt === null ? 'never' : toMinute(nextAt);
}

/** Ticks are on the minute. */
const toMinute = (at: string) => at.replace('.000Z', 'Z');
