import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { createClient } from '../client/client.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { inBackground } from '../core/guard.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import type { Longhaul } from '../longhaul.ts';
import { followRun } from './follow-run.ts';
import { withMovingLine } from './moving-line.ts';
import { toExitCode } from './outcome.ts';
import type { Shell } from './shell.ts';
import { listenForStop } from './stop-signals.ts';

/** Two levels up from here, both in the sources and in the package. */
const SAMPLE_WORKSPACE = fileURLToPath(new URL('../../examples/workspace/', import.meta.url));
const PROMPT = 'Look through this workspace and tell me what it is about.';
const MAX_BUDGET_USD = 0.5;

interface DemoOptions {
  readonly json?: true;
}

/** Adds `longhaul demo`. */
export function addDemoCommand(program: Command, shell: Shell): void {
  program
    .command('demo')
    .summary('watch a demo run from beginning to end')
    .description(
      'Start Longhaul in a temporary directory, submit a run to an agent that reads a sample workspace, show it live and remove everything afterwards. Needs no key and no network.',
    )
    .option('--json', 'print one line of JSON per event')
    .addHelpText('after', '\nExample:\n  $ longhaul demo')
    .action((options: DemoOptions) => runDemo(shell, { isJson: options.json === true }));
}

async function runDemo(shell: Shell, { isJson }: { isJson: boolean }): Promise<void> {
  const { createLonghaul } = await import('../longhaul.ts');
  const signals = listenForStop(['SIGINT', 'SIGTERM', 'SIGHUP']);
  const stopped = new AbortController();
  inBackground(async () => {
    await signals.first;
    stopped.abort();
  });
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-demo-'));
  let longhaul: Longhaul | null = null;
  try {
    const workspace = path.join(directory, 'workspace');
    // A copy, so that a real model cannot change the files of the package.
    await cp(SAMPLE_WORKSPACE, workspace, { recursive: true });
    longhaul = createLonghaul(toConfig(workspace), { env: toEnvironment(shell, directory), baseDir: directory });
    const exitCode = await submitAndFollow(shell, { longhaul, isJson, signal: stopped.signal });
    shell.exitCode = stopped.signal.aborted ? 130 : exitCode;
  } finally {
    await longhaul?.stop();
    await rm(directory, { recursive: true, force: true });
    signals.dispose();
  }
}

async function submitAndFollow(
  shell: Shell,
  { longhaul, isJson, signal }: { longhaul: Longhaul; isJson: boolean; signal: AbortSignal },
): Promise<number> {
  const { stdout, stderr } = shell;
  const output = isJson ? stderr : stdout;
  output.line(describeProvider(longhaul));
  await withMovingLine(output, {
    text: 'Creating the embedded database (a few seconds)',
    work: () => longhaul.start(),
  });
  if (signal.aborted) return 0;

  // The same API that `longhaul start` serves, without a port: a request goes straight to its handler.
  const client = createClient({
    url: 'http://longhaul.localhost',
    apiKey: longhaul.newAdminKey ?? '',
    fetch: (request) => longhaul.fetch(request),
  });
  output.line(`\n${stdout.style('dim', '>')} ${PROMPT}\n`);
  const submitted = await client.submit({ agent: 'reader', prompt: PROMPT });
  const run = await followRun(shell, { client, runId: submitted.id, isJson, signal });
  if (run === null) {
    output.line('\nStopped.');
    return 0;
  }
  output.line(
    `\nNext, in one terminal and then in another:\n  ${COMMAND} start\n  ${COMMAND} run reader "What is late today?" --follow`,
  );
  return toExitCode(run);
}

/** The name of this command: from a checkout it runs as TypeScript. */
const COMMAND = import.meta.url.endsWith('.ts') ? 'npm run -s longhaul --' : 'longhaul';

function toConfig(workspace: string): LonghaulConfig {
  return {
    agents: {
      reader: {
        tools: ['Read', 'Grep', 'Glob'],
        workspace,
        limits: { maxBudgetUsd: MAX_BUDGET_USD },
        // There is no second run that could use a pre-started process.
        prewarm: false,
      },
    },
  };
}

/** Returns this machine's variables, except variables that would lead out of the demo's directory or into its output. */
function toEnvironment({ env }: Shell, directory: string): Shell['env'] {
  const { LONGHAUL_DATABASE_URL: _database, LONGHAUL_QUEUE_URL: _queue, ...rest } = env;
  return {
    ...rest,
    LONGHAUL_DATA_DIR: path.join(directory, 'data'),
    LONGHAUL_LOG_LEVEL: env['LONGHAUL_LOG_LEVEL'] ?? 'error',
  };
}

function describeProvider({ config }: Longhaul): string {
  const provider = config.providers.get('default');
  return provider === undefined || provider.kind === 'scripted'
    ? "The model's words are scripted; the agent loop, the tools, the files read and the accounting are real."
    : `A real provider answers (${new URL(provider.baseUrl).host}): this may cost up to ${formatUsd(toMicros(MAX_BUDGET_USD))}.`;
}
