import { z } from '@hono/zod-openapi';
import { findUnstorable } from '../core/text.ts';

/** Schemas of request fields. Each error states the rule, in words that `; received …` can follow. */

/** A text that can be stored and returned unchanged. */
export function text() {
  return z.string('must be a string').check(({ value, issues }) => {
    const unstorable = findUnstorable(value);
    if (unstorable === null) return;
    issues.push({ code: 'custom', message: `must not contain a ${unstorable}`, input: value, continue: true });
  });
}

/** The owner of a run: the application's name for a user or a team. */
export function owner() {
  return text()
    .min(1, { error: 'must not be empty', abort: true })
    .max(200, 'must have at most 200 characters')
    .regex(/\S/, 'must not be blank');
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * An id, converted to lower case, because notifications carry it so and are compared as texts. Any kind of UUID is
 * accepted; an id of another kind than ours just finds nothing.
 */
export function id(rule: string) {
  return z
    .string(rule)
    .refine((value) => UUID.test(value), rule)
    .toLowerCase();
}

const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

/** A time with any offset, in years that JavaScript and PostgreSQL both write with four digits and without an era. */
export function time() {
  return z.iso
    .datetime({ offset: true, abort: true, error: 'must be an ISO 8601 time, such as 2026-01-31T09:00:00Z' })
    .refine(
      (value) => Date.parse(value) >= 0 && Date.parse(value) <= LATEST,
      'must lie in the years 1970 to 9999, UTC',
    );
}

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A whole number in a URL or a header. */
export function wholeNumber(range: Range) {
  return plainNumber({ ...range, pattern: /^\d+$/, type: 'integer', name: 'a whole number' });
}

/** Seconds in a URL, with or without decimals. */
export function seconds(range: Range) {
  return plainNumber({ ...range, pattern: /^\d+(\.\d+)?$/, type: 'number', name: 'a number of seconds' });
}

/**
 * Accepts plain decimal digits only. Other texts that JavaScript converts to numbers (``, ` `, `0x10`, `1e1`) are
 * invalid.
 */
export function plainNumber({
  min,
  max,
  pattern,
  type,
  name,
}: Range & { pattern: RegExp; type: 'integer' | 'number'; name: string }) {
  const rule = `must be ${name} from ${min} to ${max}`;
  const isAllowed = (digits: string) => pattern.test(digits) && Number(digits) >= min && Number(digits) <= max;
  return z.string(rule).refine(isAllowed, rule).transform(Number).openapi({ type, minimum: min, maximum: max });
}
