import type { MachineFault } from '../../core/machine-fault.ts';
import type { RunErrorCode } from '../../core/errors.ts';
import { maskedHead } from '../../core/mask-secrets.ts';
import type { AgentOutcome, Breach, ProviderFailure, StopReason, Thrown } from './agent-outcome.ts';
import type { ClaudeResult } from '../messages/result.ts';

/** The facts that are known when a process has ended. */
export interface OutcomeFacts {
  /** The last `result` message, or null when none came. */
  readonly result: Pick<
    ClaudeResult,
    | 'subtype'
    | 'isError'
    | 'text'
    | 'structuredOutput'
    | 'terminalReason'
    | 'stopReason'
    | 'apiErrorStatus'
    | 'startupFailureReason'
    | 'errors'
  > | null;
  /** The run's answer so far, with all its pieces: see `createAnswer`. */
  readonly answer: string;
  /** True when an end without text is a failure: the run used no tool, and its answer has no schema. */
  readonly needsAnswer: boolean;
  /** The reason why the model's last answer in the main loop stopped, or null. */
  readonly lastStopReason: string | null;
  /** The kind of content that a refusal was about, or null. */
  readonly refusalCategory: string | null;
  /** The SDK's error, or null. */
  readonly thrown: Thrown | null;
  /** The reason of the last failed model call, in Claude Code's words, or null. */
  readonly assistantError: string | null;
  readonly providerFailure: ProviderFailure | null;
  /** The reason why we ended the process, or null when it ended by itself. */
  readonly stopReason: StopReason | null;
  /** The limit of ours for which it was ended, or null. */
  readonly breach: Breach | null;
  /** True when `system/init` came: Claude Code had started to work. */
  readonly isInitialized: boolean;
  /** True when it was ended because its first message did not come in time. */
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
  // The provider reports that there is no money: a retry cannot repair that.
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

/** The answers that stop before their end. Claude Code itself continues some of them, up to three times. */
const BY_UNFINISHED_ANSWER: CodeTable = {
  refusal: 'model_refused',
  pause_turn: 'answer_unfinished',
  max_tokens: 'max_output_tokens',
  model_context_window_exceeded: 'request_too_large',
};

/**
 * Judges how an attempt ended. The first row that applies counts:
 *
 * | known facts | outcome |
 * |---|---|
 * | a result that a tool use was deferred | stopped, for an approval |
 * | a result that is a success | succeeded, even while it was being stopped: the work is done and paid for |
 * | a result that looks like a success, but the answer is unfinished or has no text | that code |
 * | a result that a limit was reached | that limit's code, for the same reason |
 * | we stopped it | stopped |
 * | it exceeded its memory, hung, or lacked a server it needs | `memory_exceeded`, `hung`, `mcp_server_failed` |
 * | a result about a failed model call, or a refusal | that code |
 * | a result with a failure to start | `cli_start_failed` |
 * | any other result | `cli_crashed`: something interrupted it |
 * | no result: no executable | `cli_not_found` |
 * | no result: not started in time, or ended before it began to work | `cli_start_failed` |
 * | no result: anything else, including a clean exit | `cli_crashed` |
 */
export function judgeOutcome(facts: OutcomeFacts): AgentOutcome {
  const { result, stopReason, breach } = facts;
  if (result?.terminalReason === 'tool_deferred') return { status: 'stopped', reason: stopReason ?? 'awaits_approval' };
  // Interrupted in a hook, Claude Code reports a success without text (measured): nothing was finished.
  const isCutOff = result?.text === '' && (stopReason !== null || breach !== null);
  if (result !== null && result.subtype === 'success' && !result.isError && !isCutOff) {
    const answer = toWholeAnswer(result.text, facts.answer);
    const isWhole = 'structuredOutput' in result;
    const shortcoming = isWhole ? undefined : findShortcoming({ result, answer }, facts);
    if (shortcoming !== undefined) return fail(shortcoming, facts);
    return {
      status: 'succeeded',
      result: answer,
      ...('structuredOutput' in result ? { structuredOutput: result.structuredOutput } : {}),
    };
  }
  const limit = find(BY_LIMIT_REACHED, result?.subtype);
  if (limit !== undefined) return fail(limit, facts);
  if (stopReason !== null) return { status: 'stopped', reason: stopReason };
  if (breach !== null) {
    return { status: 'failed', code: breach.code, detail: `${breach.detail} · ${describe(facts)}` };
  }
  const code = result === null ? judgeSilentEnd(facts) : judgeFailedResult(result, facts);
  const fault = result === null ? (facts.thrown?.fault ?? null) : null;
  return fail(code, facts, fault);
}

function fail(code: RunErrorCode, facts: OutcomeFacts, fault: MachineFault | null = null): AgentOutcome {
  const category = code === 'model_refused' ? facts.refusalCategory : null;
  return {
    status: 'failed',
    code,
    detail: describe(facts),
    ...(category !== null && { category }),
    ...(fault !== null && { fault }),
  };
}

/** Finds the reason why a success of Claude Code is a failure. */
function findShortcoming(
  { result, answer }: { result: NonNullable<OutcomeFacts['result']>; answer: string },
  { needsAnswer }: OutcomeFacts,
): RunErrorCode | undefined {
  const unfinished = find(BY_UNFINISHED_ANSWER, result.stopReason);
  return unfinished ?? (needsAnswer && answer.trim() === '' ? 'empty_answer' : undefined);
}

/** Chooses the run's answer: Claude Code's own result is its last piece, or a text that Claude Code made up. */
function toWholeAnswer(result: string, answer: string): string {
  return answer.trimEnd().endsWith(result.trim()) ? answer : result;
}

function judgeFailedResult(result: NonNullable<OutcomeFacts['result']>, facts: OutcomeFacts): RunErrorCode {
  if (result.startupFailureReason !== null) return 'cli_start_failed';
  if (result.terminalReason === 'prompt_too_long') return 'request_too_large';
  const unfinished = result.apiErrorStatus === null ? find(BY_UNFINISHED_ANSWER, result.stopReason) : undefined;
  if (unfinished !== undefined) return unfinished;
  const isModelCallFailed = result.subtype === 'success' || result.terminalReason === 'api_error';
  return isModelCallFailed ? judgeModelCall(result.apiErrorStatus, facts) : 'cli_crashed';
}

/**
 * Judges a failed call by its status, with two exceptions in which the gateway knows more: 402, with which it ends a
 * run at once whatever the cause, and no status, which a broken connection leaves. Only then the gateway's last failure
 * counts, because it may be that of an earlier call that a retry has repaired.
 */
function judgeModelCall(status: number | null, facts: OutcomeFacts): RunErrorCode {
  const { providerFailure, assistantError, lastStopReason } = facts;
  if (status !== null && status !== 402) {
    return find(BY_API_STATUS, status) ?? (status < 500 ? 'provider_invalid_request' : 'provider_error');
  }
  // The only failure that is no error of the provider: every call was answered.
  if (assistantError === 'max_output_tokens') {
    // Claude Code reports a full context window in the same way.
    return find(BY_UNFINISHED_ANSWER, lastStopReason) ?? 'max_output_tokens';
  }
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

/**
 * Returns whether the error is the SDK's own message about the end of the process, which adds nothing to the facts
 * above and says less about a signal.
 */
function isAboutExit({ errorClass }: NonNullable<OutcomeFacts['thrown']>): boolean {
  return errorClass === 'process_exited_nonzero' || errorClass === 'process_killed_by_signal';
}

/** Describes everything that helps an operator to find the cause, on one line. */
function describe(facts: OutcomeFacts): string {
  const { result, thrown, providerFailure, exitCode, signal, stderrTail } = facts;
  const parts = [
    facts.isStartTimedOut ? 'Claude Code sent no message in time' : null,
    result === null ? 'Claude Code ended without a result' : [result.text, ...result.errors].filter(Boolean).join('; '),
    result === null ? (signal === null ? `exit code ${exitCode ?? 'unknown'}` : `signal ${signal}`) : null,
    result === null && thrown !== null && !isAboutExit(thrown) ? thrown.message : null,
    providerFailure === null ? null : `provider: ${providerFailure.kind}, ${providerFailure.message}`,
    stderrTail === '' ? null : `stderr: ${stderrTail.trim()}`,
  ];
  return maskedHead(parts.filter((part) => part !== null && part !== '').join(' · '), 2_000);
}
