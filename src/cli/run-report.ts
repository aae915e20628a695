import type { RunResource } from '../client/client.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { formatAge, formatDuration } from './durations.ts';
import { formatMemory } from './memory.ts';
import { describeOutcome } from './outcome.ts';
import type { Output } from './shell.ts';
import { formatTable } from './table.ts';
import { toTerminalLine, toTerminalText } from './terminal-text.ts';

type Attempt = NonNullable<RunResource['attempts']>[number];
/** A label and its value, any text; null leaves the line out. */
type Field = readonly [label: string, value: string | null];

/** Returns everything about a run, in aligned sections, as lines for a person. */
export function formatRun(run: RunResource, output: Output): string[] {
  const sections: [title: string, lines: string[]][] = [
    ['Run', formatFields(describeRun(run))],
    ['Cost', formatFields(describeCost(run))],
    ['Tokens', formatTokens(run, output.columns)],
    ['Tools', formatFields(describeTools(run))],
    ['Attempts', formatAttempts(run.attempts ?? [], output.columns)],
    ['Prompt', formatText(run.prompt)],
    ['Result', run.result === null ? [] : formatText(run.result)],
    [
      'Structured output',
      run.structuredOutput === null ? [] : formatText(JSON.stringify(run.structuredOutput, null, 2)),
    ],
    ['Error', run.error === null ? [] : formatFields(describeError(run.error))],
  ];
  return [
    describeOutcome(run, output),
    ...sections
      .filter(([, lines]) => lines.length > 0)
      .flatMap(([title, lines]) => ['', output.style('bold', title), ...lines.map((line) => `  ${line}`.trimEnd())]),
  ];
}

function describeTools({ toolUses, deniedToolUses }: RunResource): Field[] {
  return Object.entries(toolUses).map(([name, uses]) => {
    const denied = deniedToolUses[name];
    return [name, denied === undefined ? String(uses) : `${uses}, ${denied} denied`];
  });
}

function describeRun(run: RunResource): Field[] {
  const { limits } = run;
  return [
    ['Id', run.id],
    ['Agent', run.agent],
    ['Status', run.status],
    ['Waiting for', run.waitingFor],
    ['User', run.user],
    ['Session', run.sessionId],
    ['Retry of', run.retryOf],
    ['Submitted', formatInstant(run.createdAt)],
    ['Not before', run.startAfter],
    ['Started', run.startedAt && formatInstant(run.startedAt)],
    ['Finished', run.finishedAt && formatInstant(run.finishedAt)],
    ['Took', run.durationMs === null ? null : formatDuration(run.durationMs)],
    ['Turns', `${run.turns} of ${limits.maxTurns}`],
    ['Attempt', `${run.attempt} of ${run.maxAttempts}`],
    ['Priority', run.priority === 0 ? null : String(run.priority)],
    [
      'Limits',
      `${formatMoney(limits.maxBudgetUsd)}, ${limits.timeoutSeconds} s, ${limits.maxThinkingTokens} thinking tokens`,
    ],
    ['Metadata', Object.keys(run.metadata).length === 0 ? null : JSON.stringify(run.metadata)],
  ];
}

function describeCost({ costUsd, isAtCeiling, attempts = [] }: RunResource): Field[] {
  const reported = attempts.map((attempt) => attempt.reportedCostUsd).filter((usd) => usd !== null);
  return [
    ['Charged', `${formatMoney(costUsd)}${isAtCeiling ? ': the cost limit is reached' : ''}`],
    [
      'Metered',
      attempts.length === 0 ? null : `${formatMoney(sum(attempts.map((a) => a.meteredCostUsd)))} by the gateway`,
    ],
    ['Reported', reported.length === 0 ? null : `${formatMoney(sum(reported))} by the Agent SDK`],
  ];
}

function describeError(error: NonNullable<RunResource['error']>): Field[] {
  return [
    ['Code', error.code],
    ['Message', error.message],
    ['Retryable', error.retryable ? 'yes' : 'no'],
    ['Detail', error.detail ?? null],
  ];
}

function formatTokens({ usage, costUsd, modelUsage }: RunResource, width: number): string[] {
  const models = Object.entries(modelUsage);
  const total: (typeof models)[number] = ['all', { ...usage, costUsd }];
  const rows = models.length === 1 ? models : [...models, total];
  return formatTable<(typeof rows)[number]>({
    columns: [
      { title: 'INPUT', align: 'right', value: ([, tokens]) => String(tokens.inputTokens) },
      { title: 'OUTPUT', align: 'right', value: ([, tokens]) => String(tokens.outputTokens) },
      { title: 'CACHE READ', align: 'right', value: ([, tokens]) => String(tokens.cacheReadTokens) },
      { title: 'CACHE WRITE', align: 'right', value: ([, tokens]) => String(tokens.cacheCreationTokens) },
      { title: 'COST', align: 'right', value: ([, tokens]) => formatMoney(tokens.costUsd) },
      { title: 'MODEL', value: ([model]) => model },
    ],
    rows,
    width: width - 2,
  });
}

function formatAttempts(attempts: readonly Attempt[], width: number): string[] {
  if (attempts.length === 0) return [];
  return formatTable<Attempt>({
    columns: [
      { title: 'NO', align: 'right', value: ({ number }) => String(number) },
      { title: 'STARTED', value: ({ startedAt }) => startedAt },
      { title: 'OUTCOME', value: ({ outcome, errorCode }) => errorCode ?? outcome ?? 'running' },
      { title: 'EXIT', value: ({ exitCode, signal }) => signal ?? String(exitCode ?? '') },
      { title: 'METERED', align: 'right', value: ({ meteredCostUsd }) => formatMoney(meteredCostUsd) },
      {
        title: 'REPORTED',
        align: 'right',
        value: ({ reportedCostUsd: usd }) => (usd === null ? '-' : formatMoney(usd)),
      },
      { title: 'MEMORY', align: 'right', value: ({ peakMemoryBytes }) => formatMemory(peakMemoryBytes) },
      { title: 'CLAUDE CODE', value: ({ claudeCodeVersion }) => claudeCodeVersion ?? '-' },
    ],
    rows: attempts,
    width: width - 2,
  });
}

function formatFields(fields: readonly Field[]): string[] {
  const given = fields.filter((field): field is [string, string] => field[1] !== null);
  const width = Math.max(...given.map(([label]) => toTerminalLine(label).length));
  return given.map(([label, value]) => `${toTerminalLine(label).padEnd(width)}  ${toTerminalLine(value)}`);
}

function formatText(text: string): string[] {
  return toTerminalText(text).trimEnd().split('\n');
}

function formatInstant(at: string): string {
  return `${at}  (${formatAge(at)} ago)`;
}

function formatMoney(usd: number): string {
  return formatUsd(toMicros(usd));
}

/** Adds in whole micro-dollars, so that sums are exact. */
function sum(amountsUsd: readonly number[]): number {
  return amountsUsd.reduce((total, usd) => total + toMicros(usd), 0) / 1_000_000;
}
