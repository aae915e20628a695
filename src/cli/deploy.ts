import path from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_CHOICES, type DeployChoices } from '../deploy/deploy-facts.ts';
import type { DeployFile } from '../deploy/deploy-file.ts';
import type { DeployKind } from '../deploy/deployment.ts';
import { parseCount } from './arguments.ts';
import { printOne } from './print.ts';
import type { Shell } from './shell.ts';
import { toTerminalText } from './terminal-text.ts';

interface DeployOptions extends DeployChoices {
  readonly config?: string;
  readonly out?: string;
  readonly force?: true;
  readonly json?: true;
}

type Choice = keyof DeployChoices;

const CHOICES: Readonly<Record<Choice, readonly [flags: string, meaning: string]>> = {
  appDir: ['--app-dir <dir>', 'directory of the application and its configuration'],
  dataDir: ['--data-dir <dir>', 'data directory, and home of the processes'],
  secretsDir: ['--secrets-dir <dir>', 'directory that contains a file for each secret'],
  logDir: ['--log-dir <dir>', 'directory for logs'],
  user: ['--user <name>', 'system user of the processes'],
  path: ['--path <dirs>', 'PATH of the processes, with Node and the programs that agents use'],
  workers: ['--workers <n>', 'number of workers'],
  image: ['--image <name>', 'name of the container image'],
};

const KINDS: readonly { readonly kind: DeployKind; readonly summary: string; readonly choices: readonly Choice[] }[] = [
  {
    kind: 'supervisor',
    summary: 'write a configuration for Supervisor',
    choices: ['appDir', 'dataDir', 'secretsDir', 'logDir', 'user', 'path', 'workers'],
  },
  {
    kind: 'systemd',
    summary: 'write units for systemd',
    choices: ['appDir', 'secretsDir', 'user', 'path', 'workers'],
  },
  { kind: 'docker', summary: 'write a Dockerfile', choices: ['image'] },
  { kind: 'compose', summary: 'write a Compose file and a Dockerfile', choices: ['image', 'workers'] },
  { kind: 'kubernetes', summary: 'write manifests for Kubernetes', choices: ['image', 'workers'] },
];

/** Adds `longhaul deploy`. */
export function addDeployCommand(program: Command, shell: Shell): void {
  const deploy = program
    .command('deploy')
    .summary('write files that deploy it')
    .description(
      'Write the files that run Longhaul on a PostgreSQL, from the configuration in force: its timeouts, port, slots and variables. Each file begins with the steps to use it. No file contains a secret: the processes read secrets from files.',
    );
  for (const { kind, summary, choices } of KINDS) {
    const command = deploy
      .command(kind)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}, from the configuration in force.`)
      .option('--config <file>', 'the configuration (default: longhaul.config.ts in this directory)')
      .option('--out <dir>', 'directory to write the files to (default: print them)')
      .option('--force', 'overwrite files that were changed by hand')
      .option('--json', 'print the files, or the names of written files, as JSON')
      .addHelpText('after', `\nExample:\n  $ longhaul deploy ${kind} --out deploy/${kind}`);
    for (const choice of choices) {
      const [flags, meaning] = CHOICES[choice];
      if (choice === 'workers') command.option(flags, meaning, parseCount(1, 1_000), DEFAULT_CHOICES.workers);
      else command.option(flags, meaning, DEFAULT_CHOICES[choice]);
    }
    command.action((options: DeployOptions) => writeDeployment(shell, kind, options));
  }
}

async function writeDeployment(shell: Shell, kind: DeployKind, options: DeployOptions): Promise<void> {
  const { config: file, out, force, json, ...choices } = options;
  const [{ loadConfig }, { toDeployFacts }, { toDeployFiles }, { writeDeployFiles }] = await Promise.all([
    import('../config/load.ts'),
    import('../deploy/deploy-facts.ts'),
    import('../deploy/deployment.ts'),
    import('../deploy/write-files.ts'),
  ]);
  const config = await loadConfig({ file, cwd: shell.cwd, env: shell.env });
  const facts = toDeployFacts(config, { env: shell.env, choices: { ...DEFAULT_CHOICES, ...choices } });
  const files = toDeployFiles(kind, facts);
  if (out === undefined) {
    printOne(shell, { kind, files }, { json, describe: () => toText(files) });
    return;
  }
  const written = writeDeployFiles(files, { out: path.resolve(shell.cwd, out), isForced: force === true });
  printOne(
    shell,
    { kind, files: written },
    {
      json,
      describe: () => written.map(({ path: name, status }) => `${status} ${toTerminalText(path.join(out, name))}`),
      note: () => `The steps are in the first lines of ${toTerminalText(path.join(out, files[0]?.path ?? ''))}.`,
    },
  );
}

/** A comment before each of several files names it. A single file can be passed on to another command. */
function toText(files: readonly DeployFile[]): string[] {
  return files.flatMap(({ path: name, content }) => [
    ...(files.length > 1 ? [`# File: ${name}`] : []),
    ...content.trimEnd().split('\n'),
  ]);
}
