import { type Micros, toMicros, toUsd } from '../../core/money.ts';
import { toStorable } from '../../core/text.ts';
import type { ModelUsage } from '../../core/usage.ts';
import { toStorableJson } from './storable-json.ts';
import { toFields, toList, toNumber, toText } from '../../core/untyped.ts';

/** Claude Code's own report at the end of a run. */
export interface ClaudeResult {
  /** `success` even when a model call failed: then `isError` is true. */
  readonly subtype: string;
  readonly isError: boolean;
  /** The answer, or a text about the failed call. */
  readonly text: string;
  readonly structuredOutput?: unknown;
  readonly terminalReason: string | null;
  /** The reason why the model's last answer stopped, such as `end_turn`; null when it is not known. */
  readonly stopReason: string | null;
  readonly apiErrorStatus: number | null;
  readonly startupFailureReason: string | null;
  readonly errors: readonly string[];
  readonly costMicros: Micros;
  readonly modelUsage: Readonly<Record<string, ModelUsage>>;
}

/** Parses the `result` message of Claude Code. */
export function parseResult(message: unknown): ClaudeResult {
  const fields = toFields(message);
  return {
    subtype: toText(fields['subtype']) ?? '',
    isError: fields['is_error'] === true,
    text: toStorable(toText(fields['result']) ?? ''),
    ...('structured_output' in fields ? { structuredOutput: toStorableJson(fields['structured_output']) } : {}),
    terminalReason: toText(fields['terminal_reason']),
    stopReason: toText(fields['stop_reason']),
    apiErrorStatus: toNumber(fields['api_error_status']),
    startupFailureReason: toText(fields['startup_failure_reason']),
    errors: toList(fields['errors']).map(String),
    costMicros: toMicros(toNumber(fields['total_cost_usd']) ?? 0),
    // Not the message's own `usage`, which leaves out subagents and the answer that crossed the budget.
    modelUsage: toModelUsages(fields['modelUsage']),
  };
}

/** The spending that a process has reported since its conversation began. */
export type ClaudeSpending = Pick<ClaudeResult, 'costMicros' | 'modelUsage'>;

/**
 * Leaves out of a result the spending that was reported before it. Claude Code adds up the spending of a conversation,
 * from one prompt to the next, for as long as its process lives.
 */
export function withoutEarlier(result: ClaudeResult, earlier: ClaudeSpending | null): ClaudeResult {
  if (earlier === null) return result;
  const modelUsage = Object.entries(result.modelUsage)
    .map(([model, usage]) => [model, subtract(usage, earlier.modelUsage[model])] as const)
    .filter(([, usage]) => usage.costUsd > 0 || TOKENS.some((tokens) => usage[tokens] > 0));
  return {
    ...result,
    costMicros: Math.max(0, result.costMicros - earlier.costMicros),
    modelUsage: Object.fromEntries(modelUsage),
  };
}

const TOKENS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheCreationTokens'] as const;

function subtract(usage: ModelUsage, earlier: ModelUsage | undefined): ModelUsage {
  if (earlier === undefined) return usage;
  const tokens = TOKENS.map((name) => [name, Math.max(0, usage[name] - earlier[name])] as const);
  const costMicros = Math.max(0, toMicros(usage.costUsd) - toMicros(earlier.costUsd));
  return { ...usage, ...Object.fromEntries(tokens), costUsd: toUsd(costMicros) };
}

function toModelUsages(models: unknown): Record<string, ModelUsage> {
  const entries = Object.entries(toFields(models));
  return Object.fromEntries(entries.map(([model, usage]) => [toStorable(model), toModelUsage(toFields(usage))]));
}

function toModelUsage(usage: Readonly<Record<string, unknown>>): ModelUsage {
  return {
    inputTokens: toNumber(usage['inputTokens']) ?? 0,
    outputTokens: toNumber(usage['outputTokens']) ?? 0,
    cacheReadTokens: toNumber(usage['cacheReadInputTokens']) ?? 0,
    cacheCreationTokens: toNumber(usage['cacheCreationInputTokens']) ?? 0,
    costUsd: toUsd(toMicros(toNumber(usage['costUSD']) ?? 0)),
    ...(usage['costBasis'] === 'unknown' && { isCostBasisUnknown: true }),
  };
}
