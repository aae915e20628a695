import { findStringEnd } from './rewrite-body.ts';

const [QUOTE, COMMA, BRACKET, BRACE, COLON] = [...Buffer.from('",[{:')] as [number, number, number, number, number];

/** Counts of a JSON text, read without parsing it. */
export interface JsonCounts {
  /** Number of values, approximately. */
  readonly values: number;
  /** Number of members in all its objects, as they are written. */
  readonly members: number;
}

/** Counts in one pass, which takes a fraction of the time that parsing takes. */
export function scanJson(json: Buffer): JsonCounts {
  let values = 0;
  let members = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = findStringEnd(json, at) - 1;
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) values++;
    else if (byte === COLON) members++;
  }
  return { values, members };
}

/**
 * Counts the members of all objects in a parsed value, where each member is there once. Does not recurse, because the
 * sender controls the depth.
 */
export function countMembers(parsed: unknown): number {
  let count = 0;
  const pending = [parsed];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== 'object' || value === null) continue;
    const inside: unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += inside.length;
    for (const one of inside) if (typeof one === 'object') pending.push(one);
  }
  return count;
}
