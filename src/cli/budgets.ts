import { type Command, InvalidArgumentError } from 'commander';
import type { BudgetChange, BudgetResource } from '../client/client.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { parseAmount, parseCount } from './arguments.ts';
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.ts';
import type { Shell } from './shell.ts';
import { formatTable } from './table.ts';
import { toTerminalJson } from './terminal-text.ts';

interface BudgetsOptions extends ConnectionOptions {
  readonly limit: number;
  readonly json?: true;
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
    .summary('list budgets, or change one')
    .description(
      'Lists the budgets of today and of this month in which money was spent or set aside, the fullest first.',
    )
    .option('--limit <count>', 'at most so many, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print { data } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul budgets');
  addConnectionOptions(budgets).action(async ({ limit, json, ...connection }: BudgetsOptions) => {
    const client = await connect(shell, connection);
    return print(await client.budgets({ limit }), json);
  });

  const set = budgets
    .command('set')
    .summary('change a budget, over the configuration')
    .description(
      'Changes what a user, a team or all together may spend, at once and on every server. Runs that have waited for it begin. "none" takes the change back: the configuration counts again.',
    )
    .option('--user <user>', "a user's budget")
    .option('--team <team>', "a team's budget, or with --user that of the team's own user")
    .option('--global', 'the budget of all together')
    .option('--per-day <usd>', 'USD a day, or none', parseLimit)
    .option('--per-month <usd>', 'USD a month, or none', parseLimit)
    .option('--json', 'print { data } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul budgets set --team research --per-day 25');
  addConnectionOptions(set).action(async (_own: SetOptions, command: Command) => {
    // The parser gives an option that both commands have to the outer one, wherever it stands.
    const options = command.optsWithGlobals<SetOptions>();
    const change = toChange(options, command);
    const client = await connect(shell, options);
    return print(await client.changeBudget(change), options.json);
  });

  function print(data: BudgetResource[], json: true | undefined): void {
    if (json === true) return shell.stdout.line(toTerminalJson({ data }));
    if (data.length === 0) return shell.stdout.line('Nothing was spent or set aside yet.');
    for (const line of toTable(data, shell.stdout.columns)) shell.stdout.line(line);
    return undefined;
  }
}

function toChange({ user, team, global, perDay, perMonth }: SetOptions, command: Command): BudgetChange {
  const owners = [user ?? team, global].filter((owner) => owner !== undefined);
  if (owners.length !== 1)
    command.error('longhaul: name one of --user, --team and --global; a user that is a team’s own by both.');
  if (perDay === undefined && perMonth === undefined) command.error('longhaul: name --per-day, --per-month or both.');
  const limits = { usdPerDay: toLimit(perDay), usdPerMonth: toLimit(perMonth) };
  if (user !== undefined) return { scope: 'user', key: user, ...(team !== undefined && { team }), ...limits };
  if (team !== undefined) return { scope: 'team', key: team, ...limits };
  return { scope: 'global', ...limits };
}

/** Null takes a change back; undefined leaves it. */
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

function toTable(budgets: readonly BudgetResource[], width: number): string[] {
  const usd = (amount: number) => formatUsd(toMicros(amount));
  return formatTable<BudgetResource>({
    columns: [
      { title: 'OF', value: toOwner },
      { title: 'PERIOD', value: ({ period }) => period },
      { title: 'SPENT', align: 'right', value: ({ spentUsd }) => usd(spentUsd) },
      { title: 'SET ASIDE', align: 'right', value: ({ reservedUsd }) => usd(reservedUsd) },
      {
        title: 'LIMIT',
        align: 'right',
        value: ({ limitUsd, isChanged }) =>
          limitUsd === null ? 'none' : `${usd(limitUsd)}${isChanged ? ' (set)' : ''}`,
      },
      { title: 'FULL', align: 'right', value: toShare },
      { title: 'BEGINS ANEW', value: ({ resetsAt }) => `${resetsAt.slice(0, 16).replace('T', ' ')} UTC` },
    ],
    rows: budgets,
    width,
  });
}

function toOwner({ scope, key, team }: BudgetResource): string {
  if (key === null) return 'all';
  return `${scope} ${key}${team === null ? '' : ` of team ${team}`}`;
}

function toShare({ limitUsd, spentUsd, reservedUsd }: BudgetResource): string {
  if (limitUsd === null) return '';
  return limitUsd === 0 ? '100 %' : `${Math.round(((spentUsd + reservedUsd) / limitUsd) * 100)} %`;
}
