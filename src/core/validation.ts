import type { z } from 'zod';
import type { FieldError } from './errors.ts';
import { countCharacters } from './text.ts';

type Issue = z.core.$ZodIssue;

/** Converts the issues of zod to field errors: the path, what is allowed there, the value received. */
export function toFieldErrors(error: z.ZodError, input: unknown): FieldError[] {
  return error.issues.flatMap(toInnerIssues).flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: toPath([...issue.path, key]), message: 'is not a known field' }));
    }
    const path = toPath(issue.path);
    if (issue.code === 'invalid_key') return issue.issues.map((inner) => ({ path, message: toRule(inner) }));
    const rule = toRule(issue);
    const received = valueAt(input, issue.path);
    if (received !== undefined) return [{ path, message: `${rule}; received ${describeValue(received)}` }];
    return [{ path, message: issue.code === 'invalid_type' ? `is required (${rule})` : rule }];
  });
}

/**
 * Returns the issues inside an option that may have several forms, if the value clearly has one of them: an object whose
 * errors are inside its fields. The words for the whole option would hide them.
 */
function toInnerIssues(issue: Issue): readonly Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inside = issue.errors.filter((issues) => issues.length > 0 && issues.every(({ path }) => path.length > 1));
  if (inside.length !== 1) return [issue];
  return inside[0]!.flatMap((inner) => toInnerIssues({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** Returns a value in the form for error messages: JSON, short, never the whole of a long text. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string' && value.length > 60) return `a string of ${countCharacters(value)} characters`;
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return typeof value;
  if (typeof value === 'number') return String(value);
  // A value that is too deep is also too long, and JSON.stringify recurses.
  const json = isDeeperThan(value, MAX_JSON_LENGTH / 2) ? null : (JSON.stringify(value) ?? 'undefined');
  if (json !== null && json.length <= MAX_JSON_LENGTH) return json;
  return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
}

const MAX_JSON_LENGTH = 80;

/** Returns whether more than `most` objects or arrays are nested. Does not recurse, so it can measure any depth. */
export function isDeeperThan(value: unknown, most: number): boolean {
  const left = [{ value, depth: 1 }];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (typeof at.value !== 'object' || at.value === null) continue;
    if (at.depth > most) return true;
    for (const child of Object.values(at.value)) left.push({ value: child, depth: at.depth + 1 });
  }
  return false;
}

/** Returns the broken rule in the words of its schema, or in our words when the schema has none, never in zod's. */
function toRule(issue: Issue): string {
  // Our rules follow a path, so they begin in lower case. Zod's begin a sentence and repeat the value received.
  if (!/^[A-Z]/.test(issue.message)) return issue.message;
  if (issue.code === 'invalid_type') return `must be ${KINDS[issue.expected] ?? 'of another kind'}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(describeValue).join(', ')}`;
  if (issue.code === 'too_small') return toBoundRule(issue.origin, `at least ${issue.minimum}`);
  if (issue.code === 'too_big') return toBoundRule(issue.origin, `at most ${issue.maximum}`);
  return 'is not allowed';
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

function toBoundRule(origin: string, bound: string): string {
  if (origin === 'string') return `must have ${bound} characters`;
  return origin === 'array' ? `must have ${bound} items` : `must be ${bound}`;
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
