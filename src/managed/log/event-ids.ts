import { createHash } from 'node:crypto';
import { parse, stringify } from 'uuid';
import { fromBase32, toBase32 } from '../../core/base32.ts';

/**
 * Ids of events. They never change, are the same for every reader, and need no table:
 *
 * - an event with its own row (a message, a decision, a note) has the row's UUID;
 * - any other has the turn it is in and a hash of its run and of its place in it, such as the id of a tool use. A reader
 *   finds it again by reading the turn.
 */
const PREFIX = 'sevt_';
const HASH_BYTES = 13;

/** Makes the id of an event that has a row. */
export function toRowId(uuid: string): string {
  return `${PREFIX}${toBase32(parse(uuid))}`;
}

/** Makes the id of an event of a turn. `place` names it within its run, and is used once. */
export function toPlaceId({ turn, runId }: { turn: number; runId: string }, place: string): string {
  const hash = createHash('sha256').update(`${runId} ${place}`).digest().subarray(0, HASH_BYTES);
  const bytes = Buffer.alloc(4 + HASH_BYTES);
  bytes.writeUInt32BE(turn);
  hash.copy(bytes, 4);
  return `${PREFIX}${toBase32(bytes)}`;
}

/** Returns what an event's id says about its place; null when it is no such id. */
export function readEventId(id: string): { readonly rowId: string } | { readonly turn: number } | null {
  if (!id.startsWith(PREFIX)) return null;
  const bytes = fromBase32(id.slice(PREFIX.length));
  if (bytes === null) return null;
  if (bytes.length === 4 + HASH_BYTES) return { turn: Buffer.from(bytes).readUInt32BE() };
  if (bytes.length !== 16) return null;
  try {
    return { rowId: stringify(bytes) };
  } catch {
    return null; // Sixteen bytes that are no UUID.
  }
}
