import type { FieldError } from '../core/errors.ts';
import { findUnstorable } from '../core/text.ts';
import { isDeeperThan } from '../core/validation.ts';

const MAX_DEPTH = 100;

/** What stands against keeping a value of JSON and returning it as it was given; `path` is the field that it is in. */
export function checkJson(value: unknown, path: string): FieldError[] {
  // First, because all that follows recurses, with whoever keeps it.
  if (isDeeperThan(value, MAX_DEPTH)) return [{ path, message: `must be nested at most ${MAX_DEPTH} levels deep` }];
  return checkValue(value, path);
}

function checkValue(value: unknown, path: string): FieldError[] {
  if (typeof value === 'string') return checkText(value, path);
  // JSON can write what no number holds, such as 1e400.
  if (typeof value === 'number' && !Number.isFinite(value)) return [{ path, message: 'must hold finite numbers' }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [
    ...checkKey(key, path),
    ...checkValue(child, `${path}.${key}`),
  ]);
}

function checkKey(key: string, path: string): FieldError[] {
  // It would vanish wherever an object is copied by assignment.
  if (key === '__proto__') return [{ path, message: 'must not have a key "__proto__"' }];
  return checkText(key, path);
}

function checkText(text: string, path: string): FieldError[] {
  const unstorable = findUnstorable(text);
  return unstorable === null ? [] : [{ path, message: `must not contain a ${unstorable}` }];
}
