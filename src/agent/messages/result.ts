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
