import type { Command } from 'commander';
import type { DoctorCheckResource, LonghaulClient } from '../client/client.ts';
import { connect } from './connection.ts';
import { printOne } from './print.ts';
import type { Shell, Style } from './shell.ts';
import { runDrillCommand } from './drills.ts';
import { toTerminalLine } from './terminal-text.ts';

interface DoctorOptions {
  readonly config?: string;
  readonly drill?: true;
  readonly only?: string;
  readonly json?: true;
}

type Check = DoctorCheckResource;

const EXAMPLES = `
Exits with 1 when a check or drill failed; warnings and skipped ones do not count.
Drills touch no run but their own; docs/doctor.md says what they do.

Examples:
  $ longhaul doctor
  $ longhaul doctor --drill
  $ longhaul doctor --json | jq '.checks[] | select(.verdict == "failed")'`;

/** Adds `longhaul doctor`. */
export function addDoctorCommand(program: Command, shell: Shell): void {
  program
    .command('doctor')
    .summary('check that this deployment is ready for production')
    .description(
      'Check the configuration, this machine, the supervisor and the database, and say how to mend what is wrong. Changes nothing. Run it as the user of the worker, with its variables.',
    )
    .option('--config <file>', 'the configuration (default: longhaul.config.ts in this directory)')
    .option('--drill', 'cause failures on purpose, on runs of a scripted model, and prove what must hold afterwards')
    .option('--only <ids>', 'with --drill: only these drills, separated by commas')
    .option('--json', 'print { verdict, checks }, or { verdict, drills }, as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: DoctorOptions) =>
      options.drill === true ? runDrillCommand(shell, options) : examine(shell, options),
    );
}

async function examine(shell: Shell, { config: file, json }: DoctorOptions): Promise<void> {
  const { examineDeployment } = await import('../doctor/examine-deployment.ts');
  const { toOverall } = await import('../doctor/examine.ts');
  const { checks: own } = await examineDeployment({ file, cwd: shell.cwd, env: shell.env });
  const checks = await completeByServer(shell, own);
  const verdict = toOverall(checks);
  if (verdict === 'failed') shell.exitCode = 1;
  printOne(shell, { verdict, checks }, { json, describe: () => describe(shell, checks) });
}

/**
 * Replaces checks that were skipped by those of the server: while it runs, only it can read the embedded database.
 * Leaves them as they are when no server answers.
 */
async function completeByServer(shell: Shell, own: readonly Check[]): Promise<readonly Check[]> {
  if (!own.some(({ verdict, theme }) => verdict === 'skipped' && theme === 'database')) return own;
  let client: LonghaulClient;
  try {
    client = await connect(shell, {});
    const { checks } = await client.doctor();
    const ofServer = new Map(checks.map((check) => [check.id, check]));
    return own.map((check) => (check.verdict === 'skipped' ? (ofServer.get(check.id) ?? check) : check));
  } catch {
    return own;
  }
}

const MARKS: Readonly<Record<Check['verdict'], readonly [mark: string, style: Style]>> = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  failed: ['✗', 'red'],
  skipped: ['-', 'dim'],
};

function describe({ stdout }: Shell, checks: readonly Check[]): string[] {
  const lines = [...Map.groupBy(checks, ({ theme }) => theme)].flatMap(([theme, ofTheme]) => [
    '',
    stdout.style('bold', theme),
    ...ofTheme.flatMap(({ verdict, title, found, mend, docs }) => {
      const [mark, style] = MARKS[verdict];
      return [
        `${stdout.style(style, mark)} ${title}`,
        stdout.style('dim', `    ${toTerminalLine(found)}`),
        ...(mend === null ? [] : [`    → ${toTerminalLine(mend)}`, stdout.style('dim', `      ${docs}`)]),
      ];
    }),
  ]);
  const count = (wanted: Check['verdict']) => checks.filter(({ verdict }) => verdict === wanted).length;
  const total = `${count('ok')} ok, ${count('warning')} warnings, ${count('failed')} failed, ${count('skipped')} skipped`;
  return [...lines.slice(1), '', total];
}
