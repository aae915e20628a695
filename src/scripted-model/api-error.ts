/** The error object in Anthropic's form (https://docs.claude.com/en/api/errors). */
export interface ApiError {
  readonly type: string;
  readonly message: string;
}

/** Returns the body of an error answer, which is also the data of an `error` event. */
export function toErrorBody(error: ApiError, requestId: string): Record<string, unknown> {
  return { type: 'error', error, request_id: requestId };
}
