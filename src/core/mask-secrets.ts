import { findSecrets, type FoundSecret } from './find-secrets.ts';
import { head, tail } from './text.ts';

/** Deeper than any stored value; keeps a hostile value from overflowing the stack. */
const MAX_DEPTH = 100;

/** Names that identify a key in their value, such as `"secretAccessKey": "…"`. */
const TELLING_NAME = /secret|token|key/i;

/** Returns `text` with everything that looks like a key replaced by its kind: `[masked: github-token]`. */
export function maskSecrets(text: string): string {
  return replaceSecrets(text, { found: findSecrets(text), from: 0, to: text.length });
}

/** Text beyond this is not read for a shortened text; longer than any key. */
const LONGEST_KEY = 16_000;

/**
 * Returns `head(text, length)`, masked. Masks before it cuts, because half a key could not be recognized.
 */
export function maskedHead(text: string, length: number): string {
  return head(maskSecrets(head(text, length + LONGEST_KEY)), length);
}

/** Returns `tail(text, length)`, masked before it is cut. */
export function maskedTail(text: string, length: number): string {
  return tail(maskSecrets(tail(text, length + LONGEST_KEY)), length);
}

/** Returns a JSON value with every text in it masked, including the names of fields. */
export function maskSecretsIn(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return maskSecrets(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '[nested too deeply]';
  // JSON turns a `Date` into a text.
  if ('toJSON' in value && typeof value.toJSON === 'function') return maskSecretsIn(value.toJSON(), depth + 1);
  if (Array.isArray(value)) return value.map((item) => maskSecretsIn(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]: [string, unknown]) => {
      const masked =
        typeof item === 'string' && TELLING_NAME.test(name) ? maskNamed(name, item) : maskSecretsIn(item, depth + 1);
      return [maskSecrets(name), masked];
    }),
  );
}

function maskNamed(name: string, value: string): string {
  const text = `${name}=${value}`;
  return replaceSecrets(text, { found: findSecrets(text), from: name.length + 1, to: text.length });
}

/** Returns the part of `text` between `from` and `to`, with the secrets found in the whole text masked. */
export function replaceSecrets(
  text: string,
  { found, from, to }: { found: readonly FoundSecret[]; from: number; to: number },
): string {
  if (found.length === 0) return from === 0 && to === text.length ? text : text.slice(from, to);
  let masked = '';
  let position = from;
  for (const { start, end, kind } of found) {
    if (end <= position || start >= to) continue;
    masked += `${text.slice(position, Math.max(start, position))}[masked: ${kind}]`;
    position = Math.min(end, to);
  }
  return masked + text.slice(position, to);
}
