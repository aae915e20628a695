import { toStorable } from '../../core/text.ts';

/** Deeper than any tool's input; the limit keeps a hostile input from overflowing the stack. */
const MAX_DEPTH = 100;

/** Makes every text in `value` storable, including keys. For values from a model or tool, which are never rejected. */
export function toStorableJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return toStorable(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '[nested too deeply]';
  if (Array.isArray(value)) return value.map((item) => toStorableJson(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [toStorable(key), toStorableJson(item, depth + 1)]),
  );
}
