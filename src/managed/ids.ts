import { parse, stringify } from 'uuid';
import { fromBase32, toBase32 } from '../core/base32.ts';

/** Prefixes of ids, by what they name. */
export type Prefix = 'agent' | 'env' | 'sesn' | 'sthr' | 'sevt' | 'depl' | 'drun' | 'file' | 'req';

/** Makes the id that clients see, which `fromWireId` turns back into the UUID. */
export function toWireId(prefix: Prefix, uuid: string): string {
  return `${prefix}_${toBase32(parse(uuid))}`;
}

/** Returns the UUID of an id of this kind; null when it is not one. */
export function fromWireId(prefix: Prefix, id: string): string | null {
  if (!id.startsWith(`${prefix}_`)) return null;
  const bytes = fromBase32(id.slice(prefix.length + 1));
  if (bytes === null || bytes.length !== 16) return null;
  try {
    return stringify(bytes);
  } catch {
    return null; // Sixteen bytes that are no UUID.
  }
}
