import { type Command, InvalidArgumentError } from 'commander';
import type { BudgetChange, BudgetResource } from '../client/client.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { parseAmount, parseCount } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { printList, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';

interface BudgetsOptions extends PrintOptions {
  readonly limit: number;
}

interface SetOptions extends BudgetsOptions {
  readonly user?: string;
  readonly team?: string;
  readonly global?: true;
  readonly perDay?: number | 'none';
  readonly perMonth?: number | 'none';
}

/** Adds `longhaul budgets` and `longhaul budgets set`. */
export function addBudgetsCommand(program: Command, shell: Shell): void {
  const budgets = program
    .command('budgets')
    .summary('list and change budgets')
    .description('List the budgets of today and of this month that have spent or reserved amounts, the fullest first.')
    .option('--limit <count>', 'maximum number of budgets, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print { data } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul budgets');
  addConnectionOptions(budgets).action(async ({ limit, json, ...connection }: BudgetsOptions) => {
    const client = await connect(shell, connection);
    print(shell, await client.budgets({ limit }), json);
  });

  const set = budgets
    .command('set')
    .summary('change a budget')
    .description(
      'Change the budget of a user, of a team or of all together, immediately and on every server. It takes precedence over the configuration, and runs that waited for the budget resume. "none" removes the change, so that the configuration applies again.',
    )
    .option('--user <user>', "a user's budget")
    .option('--team <team>', "a team's budget, or with --user the budget of the team's own user")
    .option('--global', 'the budget of all runs together')
    .option('--per-day <usd>', 'USD per day, or none', parseLimit)
    .option('--per-month <usd>', 'USD per month, or none', parseLimit)
    .option('--json', 'print { data } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul budgets set --team research --per-day 25');
  addConnectionOptions(set).action(async (_own: SetOptions, command: Command) => {
    // The parser assigns an option that both commands have to the outer one, regardless of its place.
    const options = command.optsWithGlobals<SetOptions>();
    const change = toChange(options, command);
    const client = await connect(shell, options);
    print(shell, await client.changeBudget(change), options.json);
  });
}

function print(shell: Shell, data: BudgetResource[], json: true | undefined): void {
  printList(shell, { data }, { json, columns: COLUMNS, none: 'No amount was spent or reserved yet.' });
}

function toChange({ user, team, global, perDay, perMonth }: SetOptions, command: Command): BudgetChange {
  const owners = [user ?? team, global].filter((owner) => owner !== undefined);
  if (owners.length !== 1)
    command.error(
      'longhaul: use one of --user, --team and --global; for a team’s own user use both --user and --team.',
    );
  if (perDay === undefined && perMonth === undefined) command.error('longhaul: use --per-day, --per-month or both.');
  const limits = { usdPerDay: toLimit(perDay), usdPerMonth: toLimit(perMonth) };
  if (user !== undefined) return { scope: 'user', key: user, ...(team !== undefined && { team }), ...limits };
  if (team !== undefined) return { scope: 'team', key: team, ...limits };
  return { scope: 'global', ...limits };
}

/** Null removes a change; undefined leaves it. */
function toLimit(given: number | 'none' | undefined): number | null | undefined {
  return given === 'none' ? null : given;
}

function parseLimit(value: string): number | 'none' {
  if (value === 'none') return value;
  try {
    return parseAmount(value);
  } catch {
    throw new InvalidArgumentError('It must be an amount in USD, 0 or more, or "none".');
  }
}

const toUsd = (amount: number) => formatUsd(toMicros(amount));

const COLUMNS: readonly Column<BudgetResource>[] = [
  { title: 'OWNER', value: toOwner },
  { title: 'PERIOD', value: ({ period }) => period },
  { title: 'SPENT', align: 'right', value: ({ spentUsd }) => toUsd(spentUsd) },
  { title: 'RESERVED', align: 'right', value: ({ reservedUsd }) => toUsd(reservedUsd) },
  {
    title: 'LIMIT',
    align: 'right',
    value: ({ limitUsd, isChanged }) => (limitUsd === null ? 'none' : `${toUsd(limitUsd)}${isChanged ? ' (set)' : ''}`),
  },
  { title: 'USED', align: 'right', value: toShare },
  { title: 'RESETS AT', value: ({ resetsAt }) => `${resetsAt.slice(0, 16).replace('T', ' ')} UTC` },
];

function toOwner({ scope, key, team }: BudgetResource): string {
  if (key === null) return 'all';
  return `${scope} ${key}${team === null ? '' : ` of team ${team}`}`;
}

function toShare({ limitUsd, spentUsd, reservedUsd }: BudgetResource): string {
  if (limitUsd === null) return '';
  return limitUsd === 0 ? '100 %' : `${Math.round(((spentUsd + reservedUsd) / limitUsd) * 100)} %`;
}
