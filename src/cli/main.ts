// The `longhaul` command: parses the arguments, calls the file of the command, exits with its code.
import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { addAlertsCommand } from './alerts.ts';
import { addApprovalsCommand } from './approvals.ts';
import { addAuditCommand } from './audit.ts';
import { addBudgetsCommand } from './budgets.ts';
import { addCancelCommand } from './cancel.ts';
import { addCostsCommand } from './costs.ts';
import { addDashboardCommand } from './dashboard.ts';
import { addDemoCommand } from './demo.ts';
import { addKeysCommand } from './keys.ts';
import { addMigrateCommand } from './migrate.ts';
import { reportError } from './report-error.ts';
import { addQueuesCommand } from './queues.ts';
import { addStatsCommand } from './stats.ts';
import { addRetryCommand } from './retry.ts';
import { addRunCommand } from './run.ts';
import { addRunsCommand } from './runs.ts';
import { addSchedulesCommand } from './schedules.ts';
import { addServerCommand } from './server.ts';
import { addSessionsCommand } from './sessions.ts';
import { createShell, type Shell } from './shell.ts';
import { addShowCommand } from './show.ts';
import { addStartCommand } from './start.ts';
import { addTailCommand } from './tail.ts';
import { toTerminalText } from './terminal-text.ts';
import { addWebhooksCommand } from './webhooks.ts';
import { addWorkerCommand } from './worker.ts';
import { addWorkersCommand } from './workers.ts';

const VARIABLES = `
Variables:
  LONGHAUL_URL, LONGHAUL_API_KEY       server to use, and the key for it; on this machine
                                       the key is read from the data directory
  LONGHAUL_DATA_DIR                    directory of the database and admin key (.longhaul)
  LONGHAUL_ADMIN_KEY, LONGHAUL_ADMIN_KEY_FILE
                                       your own admin key, or a file that contains it
  LONGHAUL_DATABASE_URL                PostgreSQL to use instead of the embedded database
  LONGHAUL_HOST, LONGHAUL_PORT         address and port to listen on (127.0.0.1, 4400)
  LONGHAUL_LOG_LEVEL                   fatal, error, warn, info, debug, trace or silent (info)
  ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL
                                       model provider; without one a scripted model answers

Run longhaul COMMAND --help for details and an example.`;

function createProgram(shell: Shell): Command {
  const program = new Command('longhaul')
    .description('The production runtime for Claude agents.')
    .version(VERSION)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => shell.stdout.write(text),
      writeErr: (text) => shell.stderr.write(text),
      outputError: (text, write) => write(toTerminalText(text.replace(/^error: /, 'longhaul: '))),
      getOutHelpWidth: () => shell.stdout.columns,
      getErrHelpWidth: () => shell.stderr.columns,
    })
    .showHelpAfterError('Try --help.')
    .addHelpText('after', VARIABLES);

  program.commandsGroup('Try it:');
  addDemoCommand(program, shell);
  program.commandsGroup('Run the service:');
  addStartCommand(program, shell);
  addServerCommand(program, shell);
  addWorkerCommand(program, shell);
  addMigrateCommand(program, shell);
  program.commandsGroup('Use it:');
  addDashboardCommand(program, shell);
  addRunCommand(program, shell);
  addRunsCommand(program, shell);
  addSessionsCommand(program, shell);
  addShowCommand(program, shell);
  addTailCommand(program, shell);
  addCancelCommand(program, shell);
  addApprovalsCommand(program, shell);
  addRetryCommand(program, shell);
  addSchedulesCommand(program, shell);
  addQueuesCommand(program, shell);
  addWorkersCommand(program, shell);
  addStatsCommand(program, shell);
  addCostsCommand(program, shell);
  addBudgetsCommand(program, shell);
  addAlertsCommand(program, shell);
  addAuditCommand(program, shell);
  addKeysCommand(program, shell);
  addWebhooksCommand(program, shell);
  return program;
}

const shell = createShell();
try {
  await createProgram(shell).parseAsync();
} catch (error) {
  reportError(shell, error);
}
// Exits now, because a connection that a server keeps open would keep the process alive.
process.stdout.write('', () => process.exit(shell.exitCode));
