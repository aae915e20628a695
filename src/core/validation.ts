import type { z } from 'zod';
import type { FieldError } from './errors.ts';
import { countCharacters } from './text.ts';

/** Turns what zod found into field errors: the path, what is allowed there, the value received. */
export function toFieldErrors(error: z.ZodError, input: unknown): FieldError[] {
  return error.issues.flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: toPath([...issue.path, key]), message: 'is not a known field' }));
    }
    if (issue.code === 'invalid_key') {
      return issue.issues.map(({ message }) => ({ path: toPath(issue.path), message }));
    }
    const received = valueAt(input, issue.path);
    const isMissing = received === undefined;
    const rule = isMissing && issue.code === 'invalid_type' ? `is required (${issue.message})` : issue.message;
    return [{ path: toPath(issue.path), message: isMissing ? rule : `${rule}; received ${describeValue(received)}` }];
  });
}

/** A value as an error message shows it: JSON, short, never the whole of a long text. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string' && value.length > 60) return `a string of ${countCharacters(value)} characters`;
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return typeof value;
  if (typeof value === 'number') return String(value);
  const json = JSON.stringify(value) ?? 'undefined';
  return json.length > 80 ? (Array.isArray(value) ? `an array of ${value.length}` : 'an object') : json;
}

function toPath(segments: readonly PropertyKey[]): string {
  return segments.map(String).join('.');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
