import type { RunErrorCode } from '../core/errors.ts';
import { head } from '../core/text.ts';
import type { AgentOutcome, Breach, ProviderFailure, StopReason } from './agent-outcome.ts';
import type { Thrown } from './claude-spec.ts';
import type { ClaudeResult } from './result.ts';

/** All that is known when a process is gone. */
export interface OutcomeFacts {
  /** The last `result` message, or null when none came. */
  readonly result: Pick<
    ClaudeResult,
    | 'subtype'
    | 'isError'
    | 'text'
    | 'structuredOutput'
    | 'terminalReason'
    | 'apiErrorStatus'
    | 'startupFailureReason'
    | 'errors'
  > | null;
  /** What the SDK threw, or null. */
  readonly thrown: Thrown | null;
  /** Why the last failed call of the model failed, in Claude Code's words, or null. */
  readonly assistantError: string | null;
  readonly providerFailure: ProviderFailure | null;
  /** Why we ended it, or null when it ended by itself. */
  readonly stopReason: StopReason | null;
  /** The limit of ours for which it was ended, or null. */
  readonly breach: Breach | null;
  /** Whether `system/init` came: Claude Code had started to work. */
  readonly isInitialized: boolean;
  /** Whether it was ended because it did not say a word in time. */
  readonly isStartTimedOut: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
}

type CodeTable = Readonly<Record<string, RunErrorCode>>;

const BY_LIMIT_REACHED: CodeTable = {
  error_max_turns: 'max_turns',
  error_max_budget_usd: 'max_budget',
  error_max_structured_output_retries: 'structured_output_invalid',
};

const BY_API_STATUS: CodeTable = {
  400: 'provider_invalid_request',
  401: 'provider_auth',
  403: 'provider_auth',
  404: 'invalid_model',
  408: 'provider_error',
  409: 'provider_error',
  413: 'request_too_large',
  422: 'provider_invalid_request',
  429: 'provider_rate_limit',
  529: 'provider_overloaded',
};

const BY_PROVIDER_FAILURE: CodeTable = {
  auth: 'provider_auth',
  rate_limit: 'provider_rate_limit',
  overloaded: 'provider_overloaded',
  invalid_request: 'provider_invalid_request',
  not_found: 'invalid_model',
  too_large: 'request_too_large',
  server_error: 'provider_error',
  silent: 'provider_error',
  unreachable: 'provider_error',
  // No money, by the provider's word: no other try mends that.
  refused: 'provider_billing',
};

const BY_ASSISTANT_ERROR: CodeTable = {
  authentication_failed: 'provider_auth',
  oauth_org_not_allowed: 'provider_auth',
  account_on_hold: 'provider_billing',
  verification_required: 'provider_auth',
  billing_error: 'provider_billing',
  cloud_credential_error: 'provider_auth',
  rate_limit: 'provider_rate_limit',
  overloaded: 'provider_overloaded',
  invalid_request: 'provider_invalid_request',
  model_not_found: 'invalid_model',
  max_output_tokens: 'max_output_tokens',
};

/**
 * Judges how an attempt ended. In this order, the first that holds:
 *
 * | what is known | outcome |
 * |---|---|
 * | a result that a tool use was put off | stopped, for an approval |
 * | a result that is a success | succeeded, also when it was being stopped: the work is done and paid for |
 * | a result that a limit was reached | that limit's code, for the same reason |
 * | we stopped it | stopped |
 * | it was over its memory, hung, or without a server it needs | `memory_exceeded`, `hung`, `mcp_server_failed` |
 * | a result about a failed call of the model | that code |
 * | a result with a failure to start | `cli_start_failed` |
 * | any other result | `cli_crashed`: something interrupted it |
 * | no result: no executable | `cli_not_found` |
 * | no result: not started in time, or ended before it began to work | `cli_start_failed` |
 * | no result: anything else, a clean exit too | `cli_crashed` |
 */
export function judgeOutcome(facts: OutcomeFacts): AgentOutcome {
  const { result, stopReason, breach } = facts;
  if (result?.terminalReason === 'tool_deferred') return { status: 'stopped', reason: stopReason ?? 'awaits_approval' };
  // Interrupted in a hook, Claude Code reports a success without a word (measured): nothing that was finished.
  const isCutOff = result?.text === '' && (stopReason !== null || breach !== null);
  if (result !== null && result.subtype === 'success' && !result.isError && !isCutOff) {
    return {
      status: 'succeeded',
      result: result.text,
      ...('structuredOutput' in result ? { structuredOutput: result.structuredOutput } : {}),
    };
  }
  const limit = find(BY_LIMIT_REACHED, result?.subtype);
  if (limit !== undefined) return { status: 'failed', code: limit, detail: describe(facts) };
  if (stopReason !== null) return { status: 'stopped', reason: stopReason };
  if (breach !== null) {
    return { status: 'failed', code: breach.code, detail: `${breach.detail} · ${describe(facts)}` };
  }
  const code = result === null ? judgeSilentEnd(facts) : judgeFailedResult(result, facts);
  const fault = result === null ? (facts.thrown?.fault ?? null) : null;
  return { status: 'failed', code, detail: describe(facts), ...(fault !== null && { fault }) };
}

function judgeFailedResult(result: NonNullable<OutcomeFacts['result']>, facts: OutcomeFacts): RunErrorCode {
  if (result.startupFailureReason !== null) return 'cli_start_failed';
  if (result.terminalReason === 'prompt_too_long') return 'request_too_large';
  const isModelCallFailed = result.subtype === 'success' || result.terminalReason === 'api_error';
  return isModelCallFailed ? judgeModelCall(result.apiErrorStatus, facts) : 'cli_crashed';
}

/**
 * A failed call is what its status says, with two exceptions, where the gateway knows better: 402, by which it
 * ends a run at once whatever the cause, and no status, which is what a broken connection leaves. Only there is
 * its memory asked, for it may be of an earlier call that a retry has mended.
 */
function judgeModelCall(status: number | null, { providerFailure, assistantError }: OutcomeFacts): RunErrorCode {
  if (status !== null && status !== 402) {
    return find(BY_API_STATUS, status) ?? (status < 500 ? 'provider_invalid_request' : 'provider_error');
  }
  // The one failure that is no error of the provider: every call was answered.
  if (assistantError === 'max_output_tokens') return 'max_output_tokens';
  return (
    providerFailure?.code ??
    find(BY_PROVIDER_FAILURE, providerFailure?.kind) ??
    find(BY_ASSISTANT_ERROR, assistantError) ??
    'provider_error'
  );
}

function judgeSilentEnd({ thrown, isStartTimedOut, isInitialized }: OutcomeFacts): RunErrorCode {
  if (thrown?.errorClass === 'executable_not_found') return 'cli_not_found';
  return isStartTimedOut || !isInitialized ? 'cli_start_failed' : 'cli_crashed';
}

function find(table: CodeTable, key: string | number | null | undefined): RunErrorCode | undefined {
  return key !== null && key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

/** The SDK's own words for the end of the process: it knows no more of it than what is said before, and less of a signal. */
function isAboutExit({ errorClass }: NonNullable<OutcomeFacts['thrown']>): boolean {
  return errorClass === 'process_exited_nonzero' || errorClass === 'process_killed_by_signal';
}

/** All that helps an operator to find the cause, on one line. */
function describe(facts: OutcomeFacts): string {
  const { result, thrown, providerFailure, exitCode, signal, stderrTail } = facts;
  const parts = [
    facts.isStartTimedOut ? 'Claude Code did not say a word in time' : null,
    result === null ? 'Claude Code ended without a result' : [result.text, ...result.errors].filter(Boolean).join('; '),
    result === null ? (signal === null ? `exit code ${exitCode ?? 'unknown'}` : `signal ${signal}`) : null,
    result === null && thrown !== null && !isAboutExit(thrown) ? thrown.message : null,
    providerFailure === null ? null : `provider: ${providerFailure.kind}, ${providerFailure.message}`,
    stderrTail === '' ? null : `stderr: ${stderrTail.trim()}`,
  ];
  return head(parts.filter((part) => part !== null && part !== '').join(' · '), 2_000);
}
