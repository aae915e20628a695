import type { FieldError } from '../core/errors.ts';
import { checkJson } from './check-json.ts';

const MAX_BYTES = 16_384;

/** Checks that `metadata` can be stored and returned unchanged. */
export function checkMetadata(metadata: Readonly<Record<string, unknown>>): FieldError[] {
  const errors = checkJson(metadata, 'metadata');
  if (errors.length > 0) return errors;
  const size = Buffer.byteLength(JSON.stringify(metadata));
  if (size <= MAX_BYTES) return [];
  return [{ path: 'metadata', message: `must be at most ${MAX_BYTES} bytes as JSON; received ${size}` }];
}
