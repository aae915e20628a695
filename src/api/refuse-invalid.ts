import type { z } from '@hono/zod-openapi';
import { LonghaulError, type FieldError } from '../core/errors.ts';
import { toFieldErrors } from '../core/validation.ts';
import { describe } from './check-submission.ts';

type Result = { readonly success: true } | { readonly success: false; readonly error: z.core.$ZodError };

/**
 * Rejects a request that its schema does not accept.
 * @throws {LonghaulError} `invalid_request` naming every invalid field, in the form that `toShown` returns.
 */
export function refuseInvalid(
  result: Result,
  toShown: (error: FieldError) => FieldError = (error) => error,
): undefined {
  if (result.success) return undefined;
  const errors = toFieldErrors(result.error as z.ZodError, (result as { data?: unknown }).data).map(toShown);
  throw new LonghaulError('invalid_request', { message: describe(errors), errors });
}
