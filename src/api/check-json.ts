import type { FieldError } from '../core/errors.ts';
import { findUnstorable } from '../core/text.ts';
import { isDeeperThan } from '../core/validation.ts';

const MAX_DEPTH = 100;

/** Checks that a JSON value can be stored and returned unchanged; `path` is its field. */
export function checkJson(value: unknown, path: string): FieldError[] {
  // Checked first, because the other checks and the storage recurse.
  if (isDeeperThan(value, MAX_DEPTH)) return [{ path, message: `must be nested at most ${MAX_DEPTH} levels deep` }];
  return checkValue(value, path);
}

function checkValue(value: unknown, path: string): FieldError[] {
  if (typeof value === 'string') return checkText(value, path);
  // JSON can write numbers that JavaScript cannot hold, such as 1e400.
  if (typeof value === 'number' && !Number.isFinite(value)) return [{ path, message: 'must hold finite numbers' }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [
    ...checkKey(key, path),
    ...checkValue(child, `${path}.${key}`),
  ]);
}

function checkKey(key: string, path: string): FieldError[] {
  // The key would vanish when an object is copied by assignment.
  if (key === '__proto__') return [{ path, message: 'must not have a key "__proto__"' }];
  return checkText(key, path);
}

function checkText(text: string, path: string): FieldError[] {
  const unstorable = findUnstorable(text);
  return unstorable === null ? [] : [{ path, message: `must not contain a ${unstorable}` }];
}
