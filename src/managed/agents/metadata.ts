import { z } from 'zod';
import { countCharacters, findUnstorable } from '../../core/text.ts';
import { invalid } from '../error.ts';

/** Pairs of texts that a client keeps on an object. */
export type Metadata = Readonly<Record<string, string>>;

const LIMITS = { pairs: 16, keyLength: 64, valueLength: 512 } as const;

/** The metadata of a new object. `mergeMetadata` checks its limits. */
export const metadataSchema = z.record(z.string(), z.string('must be a text'), 'must be an object of texts');

/** A change of metadata, by key; null removes a pair. */
export const metadataChangeSchema = z.record(
  z.string(),
  z.string('must be a text, or null to remove the pair').nullable(),
  'must be an object of texts',
);

/**
 * Merges a change into metadata, by key; null removes a pair.
 * @throws {ManagedError} `invalid_metadata` when the result has too many pairs, or a pair is too long.
 */
export function mergeMetadata(
  metadata: Metadata,
  change: Readonly<Record<string, string | null>> | null | undefined,
): Metadata {
  const pairs = new Map<string, string>(Object.entries(metadata));
  for (const [key, value] of Object.entries(change ?? {})) {
    if (value === null) pairs.delete(key);
    else pairs.set(key, value);
  }
  refuseExcess(pairs);
  return Object.fromEntries(pairs);
}

function refuseExcess(pairs: ReadonlyMap<string, string>): void {
  const faults = [...pairs].flatMap(([key, value]) => [
    ...(key === '' || countCharacters(key) > LIMITS.keyLength
      ? [`metadata: a key must have 1 to ${LIMITS.keyLength} characters`]
      : []),
    ...(countCharacters(value) > LIMITS.valueLength
      ? [`metadata.${key.slice(0, LIMITS.keyLength)}: must have at most ${LIMITS.valueLength} characters`]
      : []),
    ...(findUnstorable(key + value) === null ? [] : ['metadata: must have no NUL character and no lone surrogate']),
  ]);
  if (pairs.size > LIMITS.pairs) faults.unshift(`metadata: must have at most ${LIMITS.pairs} pairs, not ${pairs.size}`);
  if (faults.length > 0) throw invalid(faults.slice(0, 10).join('; '), 'invalid_metadata');
}
