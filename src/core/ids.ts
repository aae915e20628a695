import { v7, validate, version } from 'uuid';

/** Returns a new id: a UUIDv7, so that ids sort by their creation time (RFC 9562, 5.7). */
export function createId(): string {
  return v7();
}

/** Returns whether `value` is a UUID of the version that Longhaul creates. */
export function isId(value: string): boolean {
  return validate(value) && version(value) === 7;
}
