import { toStorable } from '../core/text.ts';

/** Deeper than anything a tool takes; it keeps a hostile input from overflowing the stack. */
const MAX_DEPTH = 100;

/** `value` with every text in it, keys included, made storable: for what a model or tool produced, which is never refused. */
export function toStorableJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return toStorable(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '[nested too deeply]';
  if (Array.isArray(value)) return value.map((item) => toStorableJson(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [toStorable(key), toStorableJson(item, depth + 1)]),
  );
}
