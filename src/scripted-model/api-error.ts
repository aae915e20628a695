/** The error object in Anthropic's form (https://docs.claude.com/en/api/errors). */
export interface ApiError {
  readonly type: string;
  readonly message: string;
}

const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** Returns the error type that Anthropic sends with an HTTP status. */
export function toErrorType(status: number): string {
  const known = Object.entries(STATUS_OF_TYPE).find(([, of]) => of === status);
  return known?.[0] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}

/** Returns the HTTP status that Anthropic sends with an error type. */
export function toErrorStatus(type: string): number {
  return STATUS_OF_TYPE[type] ?? 500;
}

/** Returns the body of an error answer, which is also the data of an `error` event. */
export function toErrorBody(error: ApiError, requestId: string): Record<string, unknown> {
  return { type: 'error', error, request_id: requestId };
}
