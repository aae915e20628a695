import { readFileSync } from 'node:fs';
import path from 'node:path';
import { toMessage, type FieldError } from '../core/errors.ts';
import { adminKey } from './schema.ts';

interface AdminKeyVariables {
  readonly LONGHAUL_ADMIN_KEY?: string | undefined;
  readonly LONGHAUL_ADMIN_KEY_FILE?: string | undefined;
}

/** The admin key that the variables give, in one of them or in the file that the other names; null: none. */
export function resolveAdminKey(
  variables: AdminKeyVariables,
  baseDir: string,
): { value: string | null; errors: readonly FieldError[] } {
  const { LONGHAUL_ADMIN_KEY: given, LONGHAUL_ADMIN_KEY_FILE: file } = variables;
  const refuse = (message: string) => ({ value: null, errors: [{ path: 'LONGHAUL_ADMIN_KEY_FILE', message }] });
  if (file === undefined) return { value: given ?? null, errors: [] };
  if (given !== undefined) return refuse('is set beside LONGHAUL_ADMIN_KEY: set one of the two');
  const place = path.resolve(baseDir, file);
  let text: string;
  try {
    text = readFileSync(place, 'utf8').trim();
  } catch (error) {
    return refuse(`names ${place}, which cannot be read: ${toMessage(error)}`);
  }
  const parsed = adminKey().safeParse(text);
  // Without what is in it: it may be a key all the same.
  if (!parsed.success) return refuse(`names ${place}; what is in it ${parsed.error.issues[0]?.message}`);
  return { value: parsed.data, errors: [] };
}
