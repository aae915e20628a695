import { v7, validate, version } from 'uuid';

/** A new id: a UUIDv7, so ids sort by the time they were made (RFC 9562, 5.7). */
export function createId(): string {
  return v7();
}

/** Whether `value` is a UUID of the kind Longhaul hands out. */
export function isId(value: string): boolean {
  return validate(value) && version(value) === 7;
}
