import { expect, test } from 'vitest';
import { toApiErrorStatus, toApiErrorType } from './api-errors.ts';

test.each([400, 401, 402, 403, 404, 413, 429, 500, 504, 529])(
  'status %i has an error type, and the reverse',
  (status) => {
    expect(toApiErrorStatus(toApiErrorType(status))).toBe(status);
  },
);

test('other statuses and types stand for the most similar of Anthropic’s', () => {
  expect([409, 422, 302, 502, 503].map(toApiErrorType)).toEqual([
    'invalid_request_error',
    'invalid_request_error',
    'api_error',
    'api_error',
    'api_error',
  ]);
  expect(['new_error', 'constructor', ''].map(toApiErrorStatus)).toEqual([500, 500, 500]);
});
