/**
 * Every error code of Longhaul, in one table: its HTTP status, its exit code, whether a retry can succeed, and a
 * sentence that is safe to show to an end user.
 *
 * Codes are stored data and part of the contract: a code is chosen once and never renamed. A new one also needs `npm run
 * docs`; a code of a run also needs its advice in `dashboard/pages/run/run-advice.ts` and the number of codes in
 * `README.md`, and an entry in `retry-policy.ts` or `run/end/settle.ts` if it is retried in its own way or keeps its text.
 */

interface ErrorKind {
  /** HTTP status of a response with this code. */
  readonly httpStatus: number;
  /** Exit code of a command that ends for this reason. */
  readonly exitCode: number;
  /** True when the same work may succeed if it is retried later. */
  readonly isRetryable: boolean;
  /** Safe for an end user: contains no path, host, key or internal detail. */
  readonly message: string;
}

const kind = (httpStatus: number, exitCode: number, isRetryable: boolean, message: string): ErrorKind => ({
  httpStatus,
  exitCode,
  isRetryable,
  message,
});

/** Reasons for which a run can end without success. Exit codes 10 to 58. */
export const RUN_ERRORS = {
  run_timeout: kind(504, 10, false, 'The run took longer than its time limit and was stopped.'),
  max_turns: kind(422, 11, false, 'The run reached its turn limit before it finished.'),
  max_budget: kind(402, 12, false, 'The run reached its cost limit before it finished.'),
  user_budget: kind(402, 13, false, 'The spending limit for this user is reached.'),
  global_budget: kind(402, 14, false, 'The spending limit of this service is reached.'),
  deadline_exceeded: kind(504, 15, false, 'The run could not be finished within its overall deadline.'),
  cancelled: kind(409, 16, false, 'The run was cancelled.'),
  team_budget: kind(402, 18, false, 'The spending limit for this team is reached.'),
  approval_denied: kind(403, 17, false, 'A step of the run needed an approval, and it was denied.'),

  provider_rate_limit: kind(503, 20, true, 'The model is receiving too many requests. Try again later.'),
  provider_overloaded: kind(503, 21, true, 'The model is overloaded. Try again later.'),
  provider_auth: kind(502, 22, false, 'The service could not sign in to the model provider.'),
  provider_error: kind(502, 23, true, 'The model provider did not answer as expected. Try again later.'),
  provider_invalid_request: kind(502, 24, false, 'The model provider rejected the request as invalid.'),
  request_too_large: kind(413, 25, false, 'The conversation became too large for the model.'),
  invalid_model: kind(502, 26, false, 'The model this agent is set up to use is not available.'),
  provider_billing: kind(502, 28, false, "The service's account with the model provider cannot be used."),
  max_output_tokens: kind(422, 27, false, 'The answer was longer than the model is allowed to write.'),
  model_refused: kind(422, 41, false, 'The model declined to answer this.'),
  // The conversation contains the text so far: the next attempt continues from there.
  answer_unfinished: kind(502, 42, true, 'The model stopped before its answer was finished.'),
  empty_answer: kind(502, 43, false, 'The model gave no answer.'),

  cli_not_found: kind(500, 30, false, 'The agent could not be started on this server.'),
  cli_start_failed: kind(500, 31, true, 'The agent could not be started.'),
  cli_crashed: kind(500, 32, true, 'The agent stopped unexpectedly.'),
  memory_exceeded: kind(500, 33, true, 'The run needed more memory than it may use and was stopped.'),
  hung: kind(500, 34, true, 'The agent stopped responding and was ended.'),
  workspace_invalid: kind(500, 35, false, "The agent's workspace is not available."),
  // Before this error, Claude Code has already shown the model its faults five times, within the run and at its cost.
  structured_output_invalid: kind(502, 36, false, 'The answer did not have the required form.'),
  worker_lost: kind(500, 37, true, 'The server that executed this run was lost before the run finished.'),
  internal_error: kind(500, 38, true, 'Something went wrong inside the service.'),
  poison_run: kind(500, 40, false, 'The run interrupted the service more than once and was stopped.'),
  processes_exceeded: kind(422, 44, false, 'The run started more processes than it may have and was stopped.'),
  open_files_exceeded: kind(422, 45, false, 'The run opened more files than it may have open and was stopped.'),
  disk_exceeded: kind(422, 46, false, 'The run wrote more to the disk than it may and was stopped.'),
  sandbox_unavailable: kind(500, 47, false, 'The agent could not be started on this server.'),
  mcp_server_failed: kind(502, 39, true, 'A service that the agent needs is not available. Try again later.'),
} as const satisfies Record<string, ErrorKind>;

export type RunErrorCode = keyof typeof RUN_ERRORS;

/** Reasons for which a request or a command can be rejected. Exit codes 59 to 89, and 2 for wrong usage. */
export const REQUEST_ERRORS = {
  invalid_request: kind(400, 60, false, 'The request is not valid.'),
  invalid_json: kind(400, 61, false, 'The body is not valid JSON.'),
  body_too_large: kind(413, 62, false, 'The body is too large.'),
  unsupported_media_type: kind(415, 63, false, 'The body must be sent as application/json.'),
  unauthorized: kind(401, 64, false, 'An API key is required.'),
  forbidden: kind(403, 65, false, 'This API key does not permit this action.'),
  not_found: kind(404, 66, false, 'This address does not exist.'),
  run_not_found: kind(404, 67, false, 'There is no such run.'),
  agent_not_found: kind(404, 68, false, 'There is no such agent.'),
  method_not_allowed: kind(405, 69, false, 'This address does not support this method.'),
  conflict: kind(409, 70, false, 'The request conflicts with the current state of the resource.'),
  idempotency_mismatch: kind(422, 71, false, 'This idempotency key was already used for a different request.'),
  unavailable: kind(503, 72, true, 'The service cannot accept requests right now. Try again shortly.'),

  token_expired: kind(401, 74, false, 'The token has expired.'),
  request_timeout: kind(408, 59, true, 'The request was not sent in time.'),
  headers_too_large: kind(431, 76, false, 'The headers of the request are too large.'),

  session_not_found: kind(404, 77, false, 'There is no such session.'),
  session_mismatch: kind(422, 78, false, 'The session belongs to another agent.'),
  session_busy: kind(409, 79, true, 'The session has an unfinished run. Try again when that run has ended.'),

  rate_limited: kind(429, 73, true, 'Too many requests. Try again later.'),

  usage: kind(400, 2, false, 'The command was not understood.'),
  config_invalid: kind(500, 80, false, 'The configuration is not valid.'),
  config_not_found: kind(500, 81, false, 'There is no configuration file.'),
  data_dir_locked: kind(500, 82, false, 'Another process is using this data directory.'),
  database_unavailable: kind(503, 83, true, 'The database cannot be reached.'),
  database_unsuitable: kind(500, 87, false, 'The database is not set up in a way that Longhaul can use.'),
  schema_too_new: kind(500, 84, false, 'The database was written by a newer version of Longhaul.'),
  server_unreachable: kind(503, 85, true, 'The Longhaul server cannot be reached.'),
  port_in_use: kind(500, 86, false, 'The port is already in use.'),
} as const satisfies Record<string, ErrorKind>;

export type RequestErrorCode = keyof typeof REQUEST_ERRORS;

export const ERRORS: Readonly<Record<ErrorCode, ErrorKind>> = { ...RUN_ERRORS, ...REQUEST_ERRORS };

export type ErrorCode = RunErrorCode | RequestErrorCode;

/** A fault of an input: its place, and what is allowed there. */
export interface FieldError {
  /** Dotted path of the field, such as `limits.maxTurns`; empty for the whole input. */
  readonly path: string;
  readonly message: string;
}

interface LonghaulErrorOptions {
  /**
   * Text that says what happened, with the value received, and what to do next. Defaults to the code's safe message.
   */
  readonly message?: string;
  readonly cause?: unknown;
  /** The wrong fields of an invalid input. */
  readonly errors?: readonly FieldError[];
  /** Further facts for the caller, such as which budget is reached. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Seconds to wait before a retry, or null. */
  readonly retryAfterSeconds?: number | null;
}

/** The one error class of Longhaul. `code` is stable; `message` is for operators and callers. */
export class LonghaulError extends Error {
  override readonly name = 'LonghaulError';
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | null;

  constructor(code: ErrorCode, options: LonghaulErrorOptions = {}) {
    super(options.message ?? ERRORS[code].message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.errors = options.errors ?? [];
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** Returns the message of anything that was thrown. */
export function toMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
