import type { Command } from 'commander';
import { LonghaulError } from '../core/errors.ts';
import { collect, parseAmount, parseCount, parseIdempotencyKey, parseSessionId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { followForCommand } from './follow-run.ts';
import { readAttachment } from './read-attachment.ts';
import { printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import { toTerminalLine } from './terminal-text.ts';

interface RunOptions extends PrintOptions {
  readonly user?: string;
  readonly team?: string;
  readonly session?: string;
  readonly fork?: true;
  readonly attach?: readonly string[];
  readonly priority?: number;
  readonly idempotencyKey?: string;
  readonly follow?: true;
  readonly maxBudgetUsd?: number;
  readonly maxTurns?: number;
  readonly maxThinkingTokens?: number;
  readonly timeoutSeconds?: number;
}

const ANY_COUNT = parseCount(0, Number.MAX_SAFE_INTEGER);

/** Adds `longhaul run`. */
export function addRunCommand(program: Command, shell: Shell): void {
  const command = program
    .command('run')
    .summary('submit a run')
    .description('Submit a run and print its id immediately; with --follow show the run until it ends.')
    .argument('<agent>', 'name of the agent in longhaul.config.ts')
    .argument('<prompt>', 'the task; - reads it from standard input; put a prompt that begins with - after --')
    .option('-f, --follow', 'show the run until it ends; the exit code is its outcome. Ctrl-C does not stop the run')
    .option('--user <user>', 'the end user the run is for')
    .option('--team <team>', "the team whose budget the run counts for, in addition to the user's")
    .option('--session <id>', 'the session to continue: the sessionId of an earlier run', parseSessionId)
    .option('--fork', 'with --session: branch off that session')
    .option('--attach <file>', 'an image, a PDF or a text that the agent reads first; may be repeated', collect)
    .option('--priority <number>', 'higher starts first, -100 to 100', parseCount(-100, 100))
    .option(
      '--idempotency-key <key>',
      'a repeated submission with the same key returns the same run',
      parseIdempotencyKey,
    )
    .option('--max-budget-usd <usd>', "cost ceiling, at most the agent's", parseAmount)
    .option('--max-turns <count>', "model turns, at most the agent's", ANY_COUNT)
    .option('--max-thinking-tokens <count>', "tokens of thinking per response, at most the agent's", ANY_COUNT)
    .option('--timeout-seconds <seconds>', "run timeout, at most the agent's", parseAmount)
    .option('--json', 'print the run as JSON; with --follow one line of JSON per event')
    .addHelpText('after', '\nExample:\n  $ longhaul run reader "What is late today?" --follow');
  addConnectionOptions(command).action(async (agent: string, prompt: string, options: RunOptions) => {
    if (options.fork === true && options.session === undefined) {
      throw new LonghaulError('usage', { message: '--fork needs --session, the session to branch off.' });
    }
    await submitAndFollow(shell, { agent, prompt: prompt === '-' ? await readPrompt(shell) : prompt, options });
  });
}

async function submitAndFollow(
  shell: Shell,
  { agent, prompt, options }: { agent: string; prompt: string; options: RunOptions },
): Promise<void> {
  const {
    user,
    team,
    session: sessionId,
    fork,
    attach = [],
    priority,
    idempotencyKey,
    maxBudgetUsd,
    maxTurns,
    maxThinkingTokens,
    timeoutSeconds,
  } = options;
  const client = await connect(shell, options);
  // JSON leaves out options that were not given.
  const limits = { maxBudgetUsd, maxTurns, maxThinkingTokens, timeoutSeconds };
  const attachments = attach.length === 0 ? undefined : await Promise.all(attach.map(readAttachment));
  const run = await client.submit(
    { agent, prompt, attachments, user, team, sessionId, fork, priority, limits },
    { idempotencyKey },
  );

  if (options.follow === true) {
    await followForCommand(shell, {
      client,
      runId: run.id,
      isJson: options.json === true,
      asks: isAtTerminal(shell, options),
    });
  } else {
    const id = toTerminalLine(run.id);
    printOne(shell, run, { json: options.json, describe: () => `${id}\nFollow it with: longhaul tail ${id}` });
  }
}

/** Returns whether a person at a terminal can be asked to decide pending approvals. */
function isAtTerminal(shell: Shell, { json }: RunOptions): boolean {
  return json !== true && shell.stdout.isTerminal && process.stdin.isTTY;
}

/** Reads the prompt from standard input, unchanged to the last byte. */
async function readPrompt(shell: Shell): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of shell.stdin) pieces.push(piece);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch (cause) {
    throw new LonghaulError('usage', { message: 'The prompt on standard input is not UTF-8 text.', cause });
  }
}
