/** Statuses of Anthropic's error types (https://docs.claude.com/en/api/errors). */
const STATUS_BY_TYPE = {
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
} as const;

export type ApiErrorType = keyof typeof STATUS_BY_TYPE;

const TYPE_BY_STATUS = new Map(
  Object.entries(STATUS_BY_TYPE).map(([type, status]): [number, ApiErrorType] => [status, type as ApiErrorType]),
);

/** Returns the HTTP status that Anthropic sends with an error type; 500 for an unknown type. */
export function toApiErrorStatus(type: string): number {
  return Object.hasOwn(STATUS_BY_TYPE, type) ? STATUS_BY_TYPE[type as ApiErrorType] : 500;
}

/** Returns the error type that Anthropic sends with an HTTP status, or with the most similar status. */
export function toApiErrorType(status: number): ApiErrorType {
  return TYPE_BY_STATUS.get(status) ?? (status >= 400 && status < 500 ? 'invalid_request_error' : 'api_error');
}
