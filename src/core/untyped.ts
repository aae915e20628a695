/**
 * Functions that read values from outside without trusting their shape: each returns a value of its type, or nothing.
 */

/** Returns `value` as an object's fields; empty when it is not an object. */
export function toFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Returns `value` as a list; empty when it is not a list. */
export function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Returns `value` when it is a text, else null. */
export function toText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Returns `value` when it is a finite number, else null. */
export function toNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
